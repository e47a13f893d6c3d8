import type { StandardSchemaV1 } from '@standard-schema/spec';

type Issues = readonly StandardSchemaV1.Issue[];

/** Where and what, of the first issues; a hostile payload could have thousands. */
export function describeIssues(issues: Issues): string {
  const shown = listIssues(issues).map((issue) => `${issue.path || '(payload)'}: ${issue.message}`);
  return (
    shown.join('; ') + (issues.length > shown.length ? `; and ${issues.length - shown.length} more` : '')
  );
}

/** At most ten issues as (path, message). */
export function listIssues(issues: Issues): { readonly path: string; readonly message: string }[] {
  return issues.slice(0, 10).map((issue) => ({
    path: (issue.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part)).join('.'),
    message: issue.message,
  }));
}
