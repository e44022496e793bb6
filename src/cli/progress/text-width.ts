/** Characters that take two columns of a terminal: East Asian wide ones (UAX #11), and emoji shown as pictures (UTS #51). */
const WIDE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\u3000-\u303e\uff01-\uff60\uffe0-\uffe6]/u;

/** Characters that take none: marks that sit on the one before them, joiners and control characters. */
const ZERO = /[\p{Mark}\p{Control}\p{Format}]/u;

/** How many columns of a terminal the text takes. */
export function textWidth(text: string): number {
  let width = 0;
  for (const character of text) width += characterWidth(character);
  return width;
}

/** The text up to where it would take more than `columns` columns. */
export function clipText(text: string, columns: number): string {
  let width = 0;
  let clipped = "";
  for (const character of text) {
    width += characterWidth(character);
    if (width > columns) break;
    clipped += character;
  }
  return clipped;
}

function characterWidth(character: string): number {
  if (character >= " " && character <= "~") return 1;
  if (ZERO.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}
