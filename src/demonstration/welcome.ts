/** The facts that the welcome text shows. */
export interface Welcome {
  readonly url: string;
  readonly dataDir: string;
  readonly transports: readonly string[];
  /** Or its file, where the text may be kept. Absent when the admin API is off or its keys are configured. */
  readonly adminKey: string | { readonly file: string } | undefined;
}

/** One screen: the address, commands to try, the data directory. */
export function welcomeText({ url, dataDir, transports, adminKey }: Welcome): string {
  const json = `-H 'content-type: application/json'`;
  const lines = [
    '',
    `Switchyard demonstration on ${url}, messages on ${transports.join(', ')}, data in ${dataDir}`,
    '',
    'Place an order; billing, inventory and notifications each handle it:',
    `  curl -s ${url}/orders ${json} -d '{"customer":"ada","total":42}'`,
    '',
    'Place an order that billing fails five times; after a few seconds it is a dead letter:',
    `  curl -s ${url}/orders ${json} -d '{"customer":"broken","total":7}'`,
    ...(adminKey === undefined
      ? []
      : [
          '',
          'List the dead letters (README.md continues with switching the fault off and replaying):',
          `  curl -s ${url}/messaging/api/v1/dead-letters -H ${headerOf(adminKey)}`,
        ]),
    '',
    `Health ${url}/health   Metrics ${url}/metrics   Stop with Ctrl+C`,
    '',
  ];
  return `${lines.join('\n')}\n`;
}

function headerOf(adminKey: string | { readonly file: string }): string {
  return typeof adminKey === 'string' ? `'x-api-key: ${adminKey}'` : `"x-api-key: $(cat ${adminKey.file})"`;
}
