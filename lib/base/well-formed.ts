/** Whether a text is well-formed Unicode. Half a surrogate pair would be written as a replacement character: two texts would become one. */
export function isWellFormed(text: string): boolean {
  return (text as unknown as { isWellFormed(): boolean }).isWellFormed();
}
