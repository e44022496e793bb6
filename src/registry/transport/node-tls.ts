/**
 * Node's TLS, from the moment on at which something is encrypted. It takes two milliseconds to load, and Node then reads the file of
 * `NODE_EXTRA_CA_CERTS` in a thread of its own: ten milliseconds of CPU time, where that is set.
 */
export function nodeTls(): typeof import("node:tls") {
  return process.getBuiltinModule("node:tls");
}
