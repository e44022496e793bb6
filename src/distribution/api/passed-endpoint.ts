/** An endpoint that was asked and could not serve, and why. */
export interface PassedEndpoint {
  /** Its origin. */
  readonly endpoint: string;
  readonly error: unknown;
}
