import {
  AclOperationTypes,
  AclPermissionTypes,
  AclResourceTypes,
  type Admin,
  ResourcePatternTypes,
} from 'kafkajs';
import type { KafkaClusterOptions } from './kafka-cluster.js';

/** Permissions, as specs name them. */
export const { TOPIC, GROUP } = AclResourceTypes;
export const { CREATE, DESCRIBE_CONFIGS, READ, WRITE } = AclOperationTypes;

/** A broker with the listener `LOGIN`, on which the user `shop` may do what it is permitted; everybody else may do everything. */
export function withAcls(password: string): Required<Pick<KafkaClusterOptions, 'listeners' | 'config'>> {
  return {
    listeners: [{ name: 'LOGIN', protocol: 'SASL_PLAINTEXT' }],
    config: [
      'authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users=User:ANONYMOUS', // the broker itself, and who administers it here
      'sasl.enabled.mechanisms=PLAIN',
      `listener.name.login.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_shop="${password}";`,
    ],
  };
}

/** Permits operations on everything whose name begins so. */
export async function permit(
  admin: Admin,
  type: AclResourceTypes,
  prefix: string,
  operations: readonly AclOperationTypes[],
): Promise<void> {
  await admin.createAcls({ acl: operations.map((operation) => aclOf(type, prefix, operation)) });
}

/** Takes one of them back. */
export async function forbid(
  admin: Admin,
  type: AclResourceTypes,
  prefix: string,
  operation: AclOperationTypes,
): Promise<void> {
  await admin.deleteAcls({ filters: [aclOf(type, prefix, operation)] });
}

/** What docs/using/kafka.md asks for: reading and writing imply that topics and groups may be described. */
export async function permitLeast(admin: Admin, prefix: string): Promise<void> {
  await permit(admin, TOPIC, prefix, [CREATE, DESCRIBE_CONFIGS, READ, WRITE]);
  await permit(admin, GROUP, prefix, [READ]);
}

const aclOf = (resourceType: AclResourceTypes, resourceName: string, operation: AclOperationTypes) => ({
  resourceType,
  resourceName,
  resourcePatternType: ResourcePatternTypes.PREFIXED,
  principal: 'User:shop',
  host: '*',
  operation,
  permissionType: AclPermissionTypes.ALLOW,
});
