/**
 * What took how long in a pull or a push: recorded by the tracing channels, as data and as a plot.
 * @module
 */
export { type RecordedWork, recordTimeline } from "./timeline/record-timeline.ts";
export type {
  Timeline,
  TimelineItem,
  TimelineOperation,
  TimelinePhase,
  TimelineSpan,
} from "./timeline/timeline.ts";
export { timelineSvg } from "./timeline/timeline-svg.ts";
