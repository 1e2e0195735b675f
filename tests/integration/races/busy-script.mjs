// A process that takes all the time it gets, until it is killed.
for (;;);
