import type { HostAbilities } from "./host-abilities.ts";

const OWNERS: Readonly<Record<HostAbilities["owners"], string | undefined>> = {
  any: undefined,
  mapped: "owners that this user namespace does not know",
  own: "owners: all files belong to the user of this process",
};

const NAMESPACES = ["security", "trusted", "user"] as const;

/**
 * What a host cannot make of what layers may have, for people: each a thing that will be left out. Empty where all can be made.
 */
export function lackingAbilities({
  owners,
  devices,
  fifos,
  xattrs,
  overlay,
}: HostAbilities): readonly string[] {
  const namespaces = NAMESPACES.filter((name) => !xattrs.includes(name)).map((name) => `${name}.*`);
  const lacking = [
    OWNERS[owners],
    devices ? undefined : "devices",
    fifos ? undefined : "FIFOs",
    namespaces.length > 0 ? `extended attributes ${namespaces.join(", ")}` : undefined,
    overlay === "none" ? "whiteouts that overlayfs knows: layers that have some are not mounted" : undefined,
  ];
  return lacking.filter((one) => one !== undefined);
}
