import { isJsonObject, type JsonObject, ownField } from "../../oci/json-object.ts";

/** What Go's zero time is, which dockerd shows for an image that does not say when it was made. */
export const NO_TIME = "0001-01-01T00:00:00Z";

/** The same in seconds. */
const NO_TIME_SECONDS = -62_135_596_800;

/** One step of an image's history. */
export interface HistoryStep {
  /** Seconds since 1970. */
  readonly created: number;
  readonly createdBy: string;
  readonly comment: string;
  /** Whether it left no layer. */
  readonly isEmpty: boolean;
}

/** What an image's config says of it. It is the word of a stranger: a field of another kind counts as absent. */
export class ConfigView {
  readonly #document: JsonObject;
  readonly #container: JsonObject;

  constructor(document: JsonObject) {
    this.#document = document;
    const container = ownField(document, "config");
    this.#container = isJsonObject(container) ? container : {};
  }

  /** A field that is a text; empty where there is none. */
  text(name: string): string {
    return textOf(ownField(this.#document, name));
  }

  /** When the image was made: RFC 3339. */
  get created(): string {
    const created = this.text("created");
    return Number.isNaN(Date.parse(created)) ? NO_TIME : created;
  }

  /** The same in seconds since 1970. */
  get createdSeconds(): number {
    return secondsOf(this.text("created"));
  }

  /** The labels; `null` where there are none. */
  get labels(): Readonly<Record<string, string>> | null {
    return textsOf(ownField(this.#container, "Labels"));
  }

  /** What a container is to be started with, in the fields that docker's API has. */
  get container(): object {
    const field = (name: string): unknown => ownField(this.#container, name) ?? undefined;
    return {
      ...optionalFields(field),
      Cmd: field("Cmd") ?? null,
      Entrypoint: field("Entrypoint") ?? null,
      Env: field("Env") ?? null,
      Labels: this.labels,
      OnBuild: field("OnBuild") ?? null,
      User: textOf(field("User")),
      Volumes: field("Volumes") ?? null,
      WorkingDir: textOf(field("WorkingDir")),
    };
  }

  /** How the image was made, oldest first. */
  get history(): readonly HistoryStep[] {
    const steps = ownField(this.#document, "history");
    if (!Array.isArray(steps)) return [];
    return steps.map((step: unknown) => {
      const fields = isJsonObject(step) ? step : {};
      return {
        created: secondsOf(textOf(ownField(fields, "created"))),
        createdBy: textOf(ownField(fields, "created_by")),
        comment: textOf(ownField(fields, "comment")),
        isEmpty: ownField(fields, "empty_layer") === true,
      };
    });
  }
}

/** Fields that docker leaves out where an image does not say anything. */
function optionalFields(field: (name: string) => unknown): object {
  const names = ["ArgsEscaped", "ExposedPorts", "Healthcheck", "Shell", "StopSignal"];
  return Object.fromEntries(names.map((name) => [name, field(name)]));
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function textsOf(value: unknown): Readonly<Record<string, string>> | null {
  if (!isJsonObject(value)) return null;
  const entries = Object.entries(value).filter(([, text]) => typeof text === "string");
  return Object.fromEntries(entries) as Readonly<Record<string, string>>;
}

function secondsOf(time: string): number {
  const ms = Date.parse(time);
  return Number.isNaN(ms) ? NO_TIME_SECONDS : Math.floor(ms / 1000);
}
