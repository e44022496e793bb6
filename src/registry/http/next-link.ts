/** Longest `Link` header that is looked at, in characters: a page's address and its relation have some hundred. */
const MAX_LINK_CHARS = 8 * 1024;

/**
 * The address of the next page, from a `Link` header with `rel="next"` (RFC 8288), resolved against `base`; `undefined` when
 * there is none. An address without the brackets that it should have is taken as well. Takes linear time; a longer header than
 * `MAX_LINK_CHARS` names nothing.
 */
export function nextLink(header: string | readonly string[] | undefined, base: string): URL | undefined {
  const text = [header ?? []].flat().join(", ");
  if (text.length > MAX_LINK_CHARS) return undefined;
  for (const { target, parameters } of linksOf(text)) {
    const isNext = parameters.split(";").some(isRelNext);
    if (isNext && URL.canParse(target, base)) return new URL(target, base);
  }
  return undefined;
}

interface Link {
  readonly target: string;
  readonly parameters: string;
}

/** The links of a header; where there are no brackets at all, the one that it can be. */
function linksOf(text: string): readonly Link[] {
  if (!text.includes("<")) {
    const [target = "", ...parameters] = text.split(";");
    return [{ target: target.trim(), parameters: parameters.join(";") }];
  }
  return text
    .split("<")
    .slice(1)
    .filter((link) => link.includes(">"))
    .map((link) => {
      const end = link.indexOf(">");
      return { target: link.slice(0, end), parameters: link.slice(end + 1) };
    });
}

/** Whether a parameter is `rel` with `next` among its relations. */
function isRelNext(parameter: string): boolean {
  const equals = parameter.indexOf("=");
  if (parameter.slice(0, equals).trim().toLowerCase() !== "rel") return false;
  const [value = ""] = parameter.slice(equals + 1).split(",");
  const relations = value.replaceAll('"', " ").trim().toLowerCase().split(/\s+/);
  return relations.includes("next");
}
