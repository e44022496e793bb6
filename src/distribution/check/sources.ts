import type { Labels } from "../../content/labels/label-store.ts";
import type { Image } from "../../images/image-store.ts";
import { repositoriesIn } from "../../images/source-label.ts";
import { trimNamed } from "../../reference/derive.ts";
import { parseNormalizedNamed } from "../../reference/normalize.ts";
import type { NormalizedReference } from "../../reference/reference.ts";

/** What is known of where content came from. */
export interface Origins {
  /** Its labels. */
  readonly labels: Labels;
  /** Names that need it. */
  readonly names: readonly string[];
  /** All names of the root: source labels leave ports out, and names tell them. */
  readonly images: readonly Image[];
}

/**
 * The repositories that content is asked for at, best first: a name that its labels confirm, what else the labels list, and
 * names alone, which may have been given here.
 */
export function sourcesFor({ labels, names, images }: Origins): readonly NormalizedReference[] {
  const own = names.flatMap(repositoryOf);
  const everybody = images.flatMap(({ name }) => repositoryOf(name));
  const labelled = repositoriesIn(labels);
  const isLabelled = ({ domain, path }: NormalizedReference): boolean =>
    labelled.some(({ host, repository }) => host === withoutPort(domain) && repository === path);
  const listed = labelled.flatMap(({ host, repository }) =>
    domainsOf(host, everybody).flatMap((domain) => repositoryOf(`${domain}/${repository}`)),
  );
  const confirmed = [...own, ...everybody].filter(isLabelled);
  const ordered = [...confirmed, ...listed, ...own];
  return [...new Map(ordered.map((reference) => [reference.toString(), reference])).values()];
}

/** The domains that a host of a label may stand for: with the ports that names have, or as it is. */
function domainsOf(host: string, known: readonly NormalizedReference[]): readonly string[] {
  const domains = known.map(({ domain }) => domain).filter((domain) => withoutPort(domain) === host);
  return domains.length > 0 ? [...new Set(domains)] : [host];
}

function withoutPort(domain: string): string {
  return domain.replace(/:\d+$/, "");
}

/** The repository of a name; none for a name of another tool that is no reference. */
function repositoryOf(name: string): readonly NormalizedReference[] {
  try {
    return [trimNamed(parseNormalizedNamed(name))];
  } catch {
    return [];
  }
}
