namespace Cilium.ControlPlane.Agent;

/// <summary>Names under which derivations announce their first complete result, before which nothing may be pruned.</summary>
internal static class AgentInitializers
{
    public const string Policies = "policies";

    public const string Addresses = "addresses";

    public const string Services = "services";

    public const string Nodes = "nodes";

    public const string Endpoints = "endpoints";

    /// <summary>Registers all of them; before the datapath starts its reconcilers.</summary>
    public static void Register(AgentTables tables)
    {
        tables.Datapath.Endpoints.RegisterInitializer(Policies);
        tables.Datapath.Policies.RegisterInitializer(Policies);
        tables.Datapath.IpCache.RegisterInitializer(Policies);
        tables.Datapath.IpCache.RegisterInitializer(Addresses);
        tables.Datapath.Frontends.RegisterInitializer(Services);
        tables.Datapath.Nodes.RegisterInitializer(Nodes);
        tables.CiliumEndpoints.RegisterInitializer(Endpoints);
    }
}
