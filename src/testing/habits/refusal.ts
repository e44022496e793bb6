import { bytesBody, type Reply, type ReplyHeaders, replyJson } from "../http/reply.ts";

/** What an answer says: a coded error of the distribution API, a line of text, a web page, or JSON of another form. */
export type Words =
  | { readonly code: string; readonly message: string }
  | { readonly text: string }
  | { readonly html: string }
  | { readonly json: unknown };

/** How something is refused. */
export interface Refusal {
  readonly status: number;
  readonly words: Words;
}

/** The answer that refuses. */
export function refusalReply(
  { status, words }: Refusal,
  options: { readonly headers?: ReplyHeaders | undefined; readonly detail?: unknown } = {},
): Reply {
  const { headers = {}, detail } = options;
  if ("code" in words) return replyJson({ errors: [{ ...words, detail }] }, { status, headers });
  const [type, text] = typedWords(words);
  return { status, headers: { "content-type": type, ...headers }, body: bytesBody(Buffer.from(text)) };
}

function typedWords(words: Exclude<Words, { readonly code: string }>): [type: string, text: string] {
  if ("text" in words) return ["text/plain; charset=utf-8", words.text];
  if ("html" in words) return ["text/html; charset=utf-8", words.html];
  return ["application/json", JSON.stringify(words.json)];
}
