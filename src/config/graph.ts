// Knows: what flows where in a configuration. Pure. Must not know: how it is drawn.
import type { Place } from "../kernel/place.ts";
import type { Config, Job } from "./config.ts";

/** Something that data comes from, goes through, or is kept in. Published by `config show --graph json`. */
export interface FlowNode {
  /** Stable within one graph, such as `job:photos`. */
  readonly id: string;
  readonly kind: "source" | "job" | "repository";
  /** As configured. */
  readonly name: string;
  readonly engine?: string;
  readonly volume?: string;
  /** The other machine that it is on. */
  readonly host?: string;
  /** On its volume, or absolute, or in the notation of the engine's tool. Jobs have none. */
  readonly path?: string;
  /** A job that rests. */
  readonly disabled?: true;
}

/** One way of data. */
export interface FlowEdge {
  readonly from: string;
  readonly to: string;
  /** A job reads a source or a repository and writes to its repository, from which copies are made. */
  readonly kind: "reads" | "writes" | "copies";
  /** Whose way it is. */
  readonly job: string;
}

/** All ways of data. */
export interface FlowGraph {
  readonly nodes: readonly FlowNode[];
  readonly edges: readonly FlowEdge[];
}

/** Draws nothing yet: the nodes in the order of the file, each once, and the edges job by job. */
export function flowOf(config: Config): FlowGraph {
  const jobs = [...config.jobs.values()];
  const nodes = [
    ...jobs.flatMap((job) => ownSources(job, config)),
    ...jobs.map(({ name, disabled }): FlowNode => ({
      id: jobId(name),
      kind: "job",
      name,
      ...(disabled === true ? { disabled } : {}),
    })),
    ...[...config.repositories.values()].map(({ name, spec, place }): FlowNode => ({
      id: repositoryId(name),
      kind: "repository",
      name,
      engine: spec.engine,
      ...whereOf(place, config),
    })),
  ];
  const onlyOnce = new Map(nodes.map((node) => [node.id, node]));
  return { nodes: [...onlyOnce.values()], edges: jobs.flatMap(edgesOf) };
}

function ownSources({ sources }: Job, config: Config): readonly FlowNode[] {
  return sources
    .filter(({ spec }) => spec.repository !== true)
    .map(({ spec, place }) => ({
      id: sourceId(spec.label),
      kind: "source",
      name: spec.label,
      ...whereOf(place, config),
    }));
}

function edgesOf({ name, sources, repository, copies }: Job): readonly FlowEdge[] {
  const from = sources.map(({ spec }) =>
    spec.repository === true ? repositoryId(spec.at) : sourceId(spec.label),
  );
  const own = repositoryId(repository);
  return [
    ...from.map((id) => ({ from: id, to: jobId(name), kind: "reads" as const, job: name })),
    { from: jobId(name), to: own, kind: "writes", job: name },
    ...copies.map((copy) => ({
      from: own,
      to: repositoryId(copy),
      kind: "copies" as const,
      job: name,
    })),
  ];
}

function whereOf({ volume, path }: Place, { volumes }: Config) {
  const host = volume === undefined ? undefined : volumes.get(volume)?.host;
  return {
    ...(volume === undefined ? {} : { volume }),
    ...(host === undefined ? {} : { host }),
    path,
  };
}

function sourceId(label: string): string {
  return `source:${label}`;
}

function jobId(name: string): string {
  return `job:${name}`;
}

function repositoryId(name: string): string {
  return `repository:${name}`;
}
