// Knows: which options of ssh cannot be set in a configuration, and why. Must not know: the others.

// Lower case: ssh does not tell capital letters from small ones here.
const refused: Readonly<Record<string, string>> = {
  batchmode: "Holdfast never lets ssh ask questions",
  connecttimeout: "write it as connect-timeout",
  controlmaster: "Holdfast keeps one connection of its own",
  controlpath: "Holdfast keeps one connection of its own",
  controlpersist: "Holdfast keeps one connection of its own",
  escapechar: "Holdfast sends bytes as they are",
  forkafterauthentication: "Holdfast has to see how ssh ends",
  host: "it begins a new section",
  hostname: "write it as an address",
  identityfile: "write it as key",
  include: "Holdfast includes ~/.ssh/config already",
  localcommand: "Holdfast starts no programs by way of ssh's options",
  loglevel: "Holdfast reads what ssh says",
  match: "it begins a new section",
  permitlocalcommand: "Holdfast starts no programs by way of ssh's options",
  port: "write it as port",
  proxyjump: "write it as jump",
  remotecommand: "Holdfast says what runs there",
  requesttty: "no command of Holdfast has a terminal",
  sessiontype: "Holdfast says what runs there",
  stdinnull: "commands need their input",
  tunnel: "Holdfast uses no tunnels",
  user: "write it as user",
  userknownhostsfile: "write it as known-hosts",
};

/** Why an option cannot be set; undefined when it can. */
export function refusedOption(name: string): string | undefined {
  const why = refused[name.toLowerCase()];
  return why === undefined ? undefined : `${name} cannot be set here: ${why}`;
}
