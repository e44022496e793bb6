/**
 * Contestants round by round, each of them beginning once in a while: whatever else the machine does hits everybody.
 *
 * @param rounds the numbers of the first and the last round
 */
export function* inTurns<Contestant>(
  contestants: readonly Contestant[],
  [first, last]: readonly [number, number],
): Generator<readonly [round: number, contestant: Contestant]> {
  for (let round = first; round <= last; round++) {
    const start = round % Math.max(1, contestants.length);
    for (const contestant of [...contestants.slice(start), ...contestants.slice(0, start)]) {
      yield [round, contestant];
    }
  }
}
