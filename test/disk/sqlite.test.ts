import { describe, expect, it } from "vitest";
import { openSqlite } from "../../src/disk/sqlite.ts";

describe("openSqlite()", () => {
  it("loads SQLite without a warning, and leaves other warnings alone", async () => {
    const emitWarning: unknown = Reflect.get(process, "emitWarning");
    const warned: string[] = [];
    const listen = (warning: Error): void => void warned.push(warning.message);
    process.on("warning", listen);
    openSqlite(":memory:", {}).close();
    expect(Reflect.get(process, "emitWarning")).toBe(emitWarning);
    process.emitWarning("something else");
    await new Promise((resolve) => setImmediate(resolve));
    process.off("warning", listen);
    expect(warned).toEqual(["something else"]);
  });
});
