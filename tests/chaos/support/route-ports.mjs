// Redis is known by the same address to all processes of a test, as in real life, and each may reach it on a way of its own: a proxy.
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';

/** From now on connections to a port of `routes` go to the port it names. What reads `node:net` before this call is not routed. */
export function routePorts(routes) {
  const connect = net.createConnection;
  const route = (options, ...rest) => {
    const port = routes[options?.port];
    return connect(port === undefined ? options : { ...options, port }, ...rest);
  };
  net.createConnection = route;
  net.connect = route;
  syncBuiltinESMExports();
}
