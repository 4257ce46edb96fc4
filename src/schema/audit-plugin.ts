/**
 * Puts `auditedMutation` around every field of Mutation, so that none can be forgotten. It stands inside the plugin that
 * turns errors into members of unions and outside the one that asks for scopes: it sees what a call came to, also where
 * the key lacked the scope for it.
 */
import SchemaBuilder, { BasePlugin, type PothosOutputFieldConfig, type SchemaTypes } from '@pothos/core';
import type { GraphQLFieldResolver } from 'graphql';
import type { Context } from '../context.ts';
import { auditedMutation } from '../resolvers/audit.ts';

const pluginName = 'audit';

/** The name that the plugin is registered by. */
export default pluginName;

/** The plugin. */
export class AuditPlugin<Types extends SchemaTypes> extends BasePlugin<Types> {
  override wrapResolve(
    resolve: GraphQLFieldResolver<unknown, Types['Context'], object>,
    { kind, name }: PothosOutputFieldConfig<Types>,
  ): GraphQLFieldResolver<unknown, Types['Context'], object> {
    if (kind !== 'Mutation') return resolve;
    return (root, args, context, info) =>
      auditedMutation(name, args, context as Context, async (writing) => resolve(root, args, writing, info));
  }
}

SchemaBuilder.registerPlugin(pluginName, AuditPlugin);

declare global {
  export namespace PothosSchemaTypes {
    export interface Plugins<Types extends SchemaTypes> {
      audit: AuditPlugin<Types>;
    }
  }
}
