import { configureGlobal, readConfigureGlobal } from "fast-check";

// The values that properties try are drawn from the seed of the whole run, so that a red run can be had again.
configureGlobal({ ...readConfigureGlobal(), seed: Number(process.env["DRAYAGE_TEST_SEED"]) });
