import { BlockList } from "node:net";
import { addressFamily } from "./address-family.ts";

const CIDR = /^([0-9a-f.:]+)\/(\d{1,3})$/i;

/** The addresses by which a machine reaches itself. */
export const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8, "ipv4");
LOOPBACK.addAddress("::1", "ipv6");

/** Adds a network in CIDR form to `networks`. Returns whether `text` was one. */
export function addNetwork(networks: BlockList, text: string): boolean {
  const [, address = "", bits] = CIDR.exec(text) ?? [];
  const family = addressFamily(address);
  const prefix = Number(bits);
  if (family === 0 || prefix > (family === 4 ? 32 : 128)) return false;
  networks.addSubnet(address, prefix, family === 4 ? "ipv4" : "ipv6");
  return true;
}

/** Whether `host` is an address, and one of `networks`. */
export function isInNetworks(networks: BlockList, host: string): boolean {
  const family = addressFamily(host);
  return family !== 0 && networks.check(host, family === 4 ? "ipv4" : "ipv6");
}
