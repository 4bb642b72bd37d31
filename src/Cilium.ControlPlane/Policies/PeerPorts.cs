using Cilium.ControlPlane.Agent;
using Cilium.ControlPlane.Endpoints;
using Cilium.Core;
using Cilium.Core.Tables;
using Cilium.Kubernetes;
using Cilium.Policy;

namespace Cilium.ControlPlane.Policies;

/// <summary>Tells the policy engine the named ports of every identity's endpoints, which egress rules may name.</summary>
internal sealed class PeerPorts(AgentTables tables, PolicyEngine engine)
{
    public void Follow(
        IReadOnlyList<TableChange<NamespacedName, CiliumEndpointRow>> ciliumEndpoints, IReadOnlyList<TableChange<EndpointId, EndpointIdentityRow>> own)
    {
        var touched = TouchedBy(ciliumEndpoints, own);
        if (touched.Count == 0)
        {
            return;
        }

        var ports = touched.ToDictionary(identity => identity, _ => new List<NamedPort>());
        foreach (var row in tables.Kubernetes.CiliumEndpoints.Snapshot().Values)
        {
            if (ports.TryGetValue(row.Identity, out var list))
            {
                list.AddRange(row.NamedPorts.Select(port => new NamedPort(port.Name, port.Protocol, port.Port)));
            }
        }

        foreach (var row in tables.EndpointIdentities.Snapshot().Values)
        {
            if (ports.TryGetValue(row.Identity, out var list))
            {
                list.AddRange(row.NamedPorts);
            }
        }

        foreach (var (identity, list) in ports)
        {
            engine.SetNamedPorts(identity, list);
        }
    }

    /// <summary>The identities whose ports may be others now. Most changes of an endpoint are of something else, and asking costs a walk over all of them.</summary>
    internal static HashSet<Identity> TouchedBy(
        IReadOnlyList<TableChange<NamespacedName, CiliumEndpointRow>> ciliumEndpoints, IReadOnlyList<TableChange<EndpointId, EndpointIdentityRow>> own)
    {
        var touched = new HashSet<Identity>();
        foreach (var (_, previous, current, _) in ciliumEndpoints)
        {
            if (previous?.Identity != current?.Identity || previous?.NamedPorts != current?.NamedPorts)
            {
                AddIfNamed(touched, previous?.Identity, previous?.NamedPorts.Count);
                AddIfNamed(touched, current?.Identity, current?.NamedPorts.Count);
            }
        }

        foreach (var (_, previous, current, _) in own)
        {
            if (previous?.Identity != current?.Identity || previous?.NamedPorts != current?.NamedPorts)
            {
                AddIfNamed(touched, previous?.Identity, previous?.NamedPorts.Count);
                AddIfNamed(touched, current?.Identity, current?.NamedPorts.Count);
            }
        }

        return touched;
    }

    private static void AddIfNamed(HashSet<Identity> touched, Identity? identity, int? count)
    {
        if (identity is { } known && count > 0)
        {
            touched.Add(known);
        }
    }
}
