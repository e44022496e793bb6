#!/usr/bin/env -S node --disable-warning=ExperimentalWarning
import { main } from "./program.ts";

process.exitCode = await main(process.argv);
