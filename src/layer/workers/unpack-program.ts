/**
 * The program of a thread that unpacks layers, for scripts that a bundler has made of this package, beside which its file is not. It is
 * put here by the build; the sources have the file.
 */
export const UNPACK_PROGRAM: string = "";
