// Knows: what a command that is no run says of the volumes that it attaches. Must not know: what it does with them.
import type { VolumeNews } from "../jobs/attachments.ts";
import type { Output } from "./render.ts";
import { volumeText } from "./run-text.ts";

/** Tells a person, on standard error, what is attached and put back for a command. */
export function tellVolumes(output: Output): (news: VolumeNews) => void {
  return (news) => {
    if (news.event === "warning") output.warning(news.message, news.hint);
    else output.message(volumeText(news));
  };
}
