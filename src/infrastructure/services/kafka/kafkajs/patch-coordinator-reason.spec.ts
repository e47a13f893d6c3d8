import { patchCoordinatorReason } from './patch-coordinator-reason.js';

it('gives the reason for which no coordinator is found', async () => {
  await patchCoordinatorReason();
  const { default: Cluster } = (await import('kafkajs/src/cluster/index.js')) as {
    default: { prototype: { findGroupCoordinatorMetadata: (of: object) => Promise<unknown> } };
  };
  const forbidden = Object.assign(new Error('Not authorized'), { type: 'GROUP_AUTHORIZATION_FAILED' });
  const broker = { findGroupCoordinator: () => Promise.reject(forbidden) };
  const searching = {
    // What the client's own gives when every broker has failed: it drops their errors.
    brokerPool: { withBroker: async () => null, findConnectedBroker: async () => broker },
  };
  const finding = Cluster.prototype.findGroupCoordinatorMetadata.call(searching, { groupId: 'g' });
  await expect(finding).rejects.toBe(forbidden);
});
