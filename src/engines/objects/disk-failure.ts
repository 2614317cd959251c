// Knows: whether it was the disk here that failed, or something else. Must not know: what was written.

/** A failure of this machine's file system, as opposed to one of a store. `cause` is what it threw. */
export class DiskFailure extends Error {
  override readonly name = "DiskFailure";

  constructor(cause: unknown) {
    super("a file could not be written", { cause });
  }
}

/** Works on files. Throws `DiskFailure`. */
export async function onDisk<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw new DiskFailure(error);
  }
}
