// Knows: which kinds of source there are. Must not know: anything about them.
import * as z from "zod";
import { mariadb } from "./mariadb/index.ts";
import { nextcloud } from "./nextcloud/index.ts";
import { nextcloudObjects } from "./nextcloud-objects/index.ts";
import { paths } from "./paths/index.ts";
import { postgresql } from "./postgresql/index.ts";
import { repository } from "./repository/index.ts";
import { bucket } from "./s3/index.ts";
import { sqlite } from "./sqlite/index.ts";
import { subvolume } from "./subvolume/index.ts";

/** Every kind of source. A new one is a folder beside this file and a word here. */
export const AnySource = z.union([
  paths,
  repository,
  subvolume,
  nextcloud,
  nextcloudObjects,
  bucket,
  mariadb,
  postgresql,
  sqlite,
]);
