/** What drayage calls itself towards registries: name and version of the package. */
export const USER_AGENT = "drayage/0.1.0";
