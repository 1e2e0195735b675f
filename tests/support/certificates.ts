/** Certificates for TLS tests, made when they are needed: an authority, a server's for 127.0.0.1 and localhost, a client's. */
import { fileURLToPath } from 'node:url';
import { spawnScript } from './spawn-script.js';

/** Paths of PEM files. */
export interface Certificates {
  readonly caFile: string;
  readonly serverCertFile: string;
  readonly serverKeyFile: string;
  readonly clientCertFile: string;
  readonly clientKeyFile: string;
}

/** Writes a new set into `folder`; nothing but Node is needed. */
export async function makeCertificates(folder: string): Promise<Certificates> {
  const script = fileURLToPath(new URL('make-certificates.mjs', import.meta.url));
  const { code, stderr } = await spawnScript(script, { args: [folder] });
  if (code !== 0) throw new Error(`The certificates could not be made: ${stderr}`);
  return {
    caFile: `${folder}/ca.pem`,
    serverCertFile: `${folder}/server.pem`,
    serverKeyFile: `${folder}/server-key.pem`,
    clientCertFile: `${folder}/client.pem`,
    clientKeyFile: `${folder}/client-key.pem`,
  };
}
