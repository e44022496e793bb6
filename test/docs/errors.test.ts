import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { diskError } from "../../src/disk/disk-error.ts";
import * as classes from "../../src/errors/classes.ts";
import { fromHttpStatus, toGrpc, toHttpStatus } from "../../src/errors.ts";
import { registryErrorKind } from "../../src/registry/answers/error-table.ts";
import { isRetryableStatus } from "../../src/registry/http/retryable-status.ts";
import { readDocument, TOP, tableRows } from "./support/documents.ts";

const page = readDocument("docs/errors.md");
const cells = (title: string) => tableRows(page, title).map((row) => row.cells);
const yesOrNo = (value: boolean | undefined) => (value ? "yes" : "no");
const sorted = (texts: readonly string[]) => [...texts].sort();
const text = (path: string) => readFileSync(`${TOP}${path}`, "utf8");

describe("docs/errors.md", () => {
  it("has every error class with its code, gRPC code and HTTP status, and says when", () => {
    const rows = Object.entries(classes).map(([name, ErrorClass]) => {
      const error = new ErrorClass("x");
      return `${name} ${error.code} ${toGrpc(error).code} ${toHttpStatus(error)}`;
    });
    const documented = cells("class");
    expect(sorted(documented.map((row) => row.slice(0, 4).join(" ")))).toEqual(sorted(rows));
    expect(documented.filter(([, , , , when = ""]) => when === "")).toEqual([]);
  });

  it("has every code of a registry with its class", () => {
    const documented = cells("registry code");
    const actual = documented.map(([code = ""]) => {
      const kind = registryErrorKind(code);
      return [code, kind?.make.prototype.name, yesOrNo(kind?.retryable)];
    });
    expect(documented).toEqual(actual);
    const known = [...text("src/registry/answers/error-table.ts").matchAll(/^ {2}\["([A-Z_]+)"/gm)];
    expect(documented.map(([code]) => code)).toEqual(known.map(([, code]) => code));
  });

  it("has every HTTP status that has a class of its own", () => {
    const documented = cells("status");
    const actual = documented.map(([status = ""]) => [
      status,
      fromHttpStatus(Number(status), "x").name,
      yesOrNo(isRetryableStatus(Number(status))),
    ]);
    expect(documented).toEqual(actual);
    const known = [...text("src/errors/http.ts").matchAll(/^ {2}\[(\d{3}),/gm)].map(([, status]) => status);
    expect(documented.slice(0, -1).map(([status]) => status)).toEqual(known);
  });

  it("has every errno with its class", () => {
    const documented = cells("errno");
    const actual = documented.map(([code = ""]) => [
      code,
      diskError("read", "/x", Object.assign(new Error("x"), { code })).name,
    ]);
    expect(documented).toEqual(actual);
    const known = [...text("src/disk/disk-error.ts").matchAll(/^ {2}(E[A-Z_]+):/gm)].map(([, code]) => code);
    expect(documented.slice(0, -1).map(([code]) => code)).toEqual(known);
  });

  it("names the fields that an error has", () => {
    const fields = [...text("src/errors/drayage-error.ts").matchAll(/^ {2}declare readonly (\w+)\?/gm)].map(
      ([, field]) => field,
    );
    const documented = cells("field").flatMap(([names = ""]) => names.split(", "));
    expect(fields.length).toBeGreaterThan(5);
    expect(fields.filter((field = "") => !documented.includes(field))).toEqual([]);
  });
});
