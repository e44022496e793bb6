import { expect } from "vitest";
import { drayage } from "./drayage.ts";
import type { Home } from "./home.ts";
import { partOutcome } from "./run-part.ts";

/** The image that is pulled where nobody says otherwise. */
export const APP = "team/app:v1";

/** Longest time for a visit of both clients, in milliseconds: four processes and more on a machine that may be busy. */
export const VISIT_TIMEOUT_MS = 120_000;

/** How a client ended. */
export interface Outcome {
  readonly status: number | null;
  readonly stderr: string;
}

/** Somebody comes to a registry. */
export interface Visit {
  readonly host: string;
  /** Below which repositories are pushed; `team` by default. */
  readonly project?: string | undefined;
  readonly home: Home;
  readonly env: Readonly<Record<string, string>>;
  /** What the client is told besides. */
  readonly flags?: readonly string[] | undefined;
}

/** What the clients take along. */
export interface Luggage {
  /** A data root with the image `local:v1`. */
  readonly root: string;
  /** An OCI image layout with the image, tagged `app`. */
  readonly layout: string;
  /** A new and empty folder. */
  newFolder(): Promise<string>;
}

/** A pull and a push by drayage. */
export async function byDrayage(visit: Visit, { root, newFolder }: Luggage): Promise<readonly Outcome[]> {
  const { host, project = "team", env } = visit;
  const flags = ["-q", ...flagsOf(visit)];
  const target = `${host}/${project}/pushed:by-drayage`;
  return await Promise.all([
    drayage(["pull", ...flags, "--root", await newFolder(), `${host}/${APP}`], { env }),
    drayage(["push", ...flags, "--root", root, "local:v1", target], { env }),
  ]);
}

/** A pull and a push by skopeo; `*` in the flags stands for the side of the registry. */
export async function bySkopeo(visit: Visit, { layout, newFolder }: Luggage): Promise<readonly Outcome[]> {
  const { host, project = "team", env } = visit;
  const flags = (side: string) => flagsOf(visit).map((word) => word.replace("*", side));
  const copy = (...words: readonly string[]) =>
    partOutcome("skopeo", ["--insecure-policy", "copy", ...words], { env });
  const target = `docker://${host}/${project}/pushed:by-skopeo`;
  return await Promise.all([
    copy(...flags("src"), `docker://${host}/${APP}`, `oci:${await newFolder()}:app`),
    copy(...flags("dest"), `oci:${layout}:app`, target),
  ]);
}

/** The flags, with the home in the place of `HOME`. */
export function flagsOf({ flags = [], home }: Visit): readonly string[] {
  return flags.map((word) => inHome(word, home));
}

/** A text with the home in the place of `HOME`. */
export function inHome(text: string, { folder }: Home): string {
  return text.replaceAll("HOME", folder);
}

/** Expects success, or a failure in whose words there is the flaw. */
export function expectFlaws(outcomes: readonly Outcome[], flaws: readonly (string | undefined)[]): void {
  expect(outcomes.map(({ status, stderr }) => ({ status, stderr }))).toEqual(
    flaws.map((flaw) =>
      flaw === undefined ? { status: 0, stderr: "" } : { status: 1, stderr: expect.stringContaining(flaw) },
    ),
  );
}

/** Expects of another client that it succeeds where drayage does, or that it does otherwise. */
export function expectAgreement(
  { ours, theirs }: { readonly ours: readonly Outcome[]; readonly theirs: readonly Outcome[] },
  agree: boolean,
): void {
  const success = (outcomes: readonly Outcome[]) => outcomes.map(({ status }) => status === 0);
  if (agree) expect({ success: success(theirs), theirs }).toEqual({ success: success(ours), theirs });
  else expect(success(theirs)).not.toEqual(success(ours));
}
