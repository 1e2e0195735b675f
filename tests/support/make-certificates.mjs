// Writes the certificates of a TLS test into a folder: `ca.pem`, and `server.pem`/`client.pem` with their `-key.pem`. A process
// of its own, because WebCrypto takes no objects from jest's sandbox.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generate } from 'selfsigned';

const folder = process.argv[2];
const common = { keyType: 'ec', algorithm: 'sha256' };
const named = (commonName) => [{ name: 'commonName', value: commonName }];

const authority = await generate(named('oxcache test authority'), {
  ...common,
  extensions: [
    { name: 'basicConstraints', cA: true, critical: true },
    { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
  ],
});
writeFileSync(join(folder, 'ca.pem'), authority.cert);

for (const [name, use] of [
  ['server', { serverAuth: true }],
  ['client', { clientAuth: true }],
]) {
  const issued = await generate(named(name === 'server' ? 'localhost' : 'oxcache test client'), {
    ...common,
    ca: { key: authority.private, cert: authority.cert },
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', ...use },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
        ],
      },
    ],
  });
  writeFileSync(join(folder, `${name}.pem`), issued.cert);
  writeFileSync(join(folder, `${name}-key.pem`), issued.private, { mode: 0o600 });
}
