import { ErrFailedPrecondition } from "../../errors/classes.ts";
import { linkTo } from "./short-names.ts";

/** A mount as containerd's snapshotters give it (`containerd.types.Mount`). */
export interface Mount {
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

/** What mounts together show a root file system. */
export interface Mounts {
  readonly mounts: readonly Mount[];
  /**
   * Directory in which the mounts have to be made, because their options hold relative paths: absolute ones of that many layers
   * are longer than the kernel takes. Absent where any will do.
   */
  readonly directory?: string | undefined;
}

/** What of a root file system is to be mounted. */
export interface OverlayOptions {
  /**
   * Where changes go, both on one file system.
   * @defaultValue nothing can be changed
   * @example writable: { upperDir: "/var/lib/engine/upper", workDir: "/var/lib/engine/work" }
   */
  readonly writable?:
    | {
        /**
         * Directory in which changes are kept.
         * @example upperDir: "/var/lib/engine/upper"
         */
        readonly upperDir: string;
        /**
         * Empty directory that the kernel works in.
         * @example workDir: "/var/lib/engine/work"
         */
        readonly workDir: string;
      }
    | undefined;
  /**
   * For a mount in a user namespace that is not the first one: attributes of overlayfs in `user.`.
   * @defaultValue `false`
   * @example userXattr: true
   */
  readonly userXattr?: boolean | undefined;
}

/** Longest string of options that mount(2) takes, in bytes: a page, with the zero behind it. */
const MAX_OPTION_BYTES = 4_095;

/** Most layers below that the kernel stacks (`OVL_MAX_STACK`). */
const MAX_LOWER_LAYERS = 500;

/**
 * The mounts that show layers together. One layer that is not to be changed needs no overlay, as with containerd.
 * Throws `ErrFailedPrecondition` for more layers than the kernel stacks, and the classes of `diskError`.
 *
 * @param layers directories with the files of each layer, uppermost first; one at least
 * @param base directory of all layers, where short names are made for many of them
 */
export async function overlayMounts(
  layers: readonly string[],
  base: string,
  options: OverlayOptions = {},
): Promise<Mounts> {
  const [only] = layers;
  if (layers.length === 1 && only !== undefined && !options.writable) {
    return { mounts: [{ type: "bind", source: only, options: ["ro", "rbind"] }] };
  }
  if (layers.length > MAX_LOWER_LAYERS) throw tooMany(layers.length);
  const whole = overlay(layers, options);
  if (fits(whole)) return { mounts: [whole] };
  const links: string[] = [];
  for (const layer of layers) links.push(await linkTo(layer, base));
  const short = overlay(links, options);
  if (!fits(short)) throw tooMany(layers.length);
  return { mounts: [short], directory: base };
}

function overlay(layers: readonly string[], { writable, userXattr = false }: OverlayOptions): Mount {
  const changes = writable
    ? [`upperdir=${escaped(writable.upperDir)}`, `workdir=${escaped(writable.workDir)}`]
    : [];
  const lower = `lowerdir=${layers.map(escaped).join(":")}`;
  return {
    type: "overlay",
    source: "overlay",
    options: [...changes, lower, ...(userXattr ? ["userxattr"] : [])],
  };
}

/** Colons end a path and commas an option, unless a backslash stands before them. */
function escaped(path: string): string {
  return path.replace(/[\\:,]/g, "\\$&");
}

function fits({ options }: Mount): boolean {
  return Buffer.byteLength(options.join(",")) <= MAX_OPTION_BYTES;
}

function tooMany(count: number): ErrFailedPrecondition {
  return new ErrFailedPrecondition(
    `mount root file system: got ${count} layers, more than the kernel stacks; assemble a directory instead`,
  );
}
