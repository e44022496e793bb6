/** Does nothing, without a pause, until it is killed: takes its share of the processor from whoever is measured. */
for (;;);
