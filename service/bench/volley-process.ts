import autocannon from 'autocannon';
import { answerParent } from './child.js';
import type { LoadResult, VolleyJob } from './load.js';

answerParent(async (job: VolleyJob): Promise<Pick<LoadResult, 'failures'>> => {
  const { errors, mismatches, statusCodeStats } = await autocannon({
    url: job.url,
    method: 'POST',
    headers: { 'content-type': job.contentType },
    body: Buffer.from(job.body),
    connections: job.clients,
    amount: job.requests,
    sampleInt: 50,
    verifyBody: (answer) => String(answer).includes('"predictions":[{'),
  });
  const failures: Record<string, number> = {};
  for (const [status, { count }] of Object.entries(statusCodeStats ?? {})) {
    if (status !== '200') failures[status] = count ?? 0;
  }
  if (errors > 0) failures['0'] = errors;
  if (mismatches > 0) failures['200'] = mismatches;
  return { failures };
});
