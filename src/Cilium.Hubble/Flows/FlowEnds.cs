using Cilium.Core;
using Cilium.Hubble.Enrichment;

namespace Cilium.Hubble.Flows;

/// <summary>Names the two ends of a flow.</summary>
internal static class FlowEnds
{
    /// <summary>The end at an address. The identity of the packet wins over that of the address, which may have changed owners.</summary>
    public static Proto.Endpoint Resolve(HubbleSnapshot snapshot, IpAddr address, Identity fromDatapath, string clusterName)
    {
        var known = address.IsNone ? null : snapshot.EndpointOf(address);
        var identity = fromDatapath != Identity.Unknown || address.IsNone ? fromDatapath : snapshot.IdentityOf(address);
        var end = new Proto.Endpoint { Identity = identity.Value };
        end.Labels.AddRange(snapshot.LabelsOf(identity));
        if (known is null)
        {
            return end;
        }

        end.ID = known.Id.Value;
        end.Namespace = known.Namespace;
        end.PodName = known.PodName;
        if (known.PodName.Length != 0)
        {
            // Upstream reads it from a label that only pods have.
            end.ClusterName = clusterName;
        }

        foreach (var workload in known.Workloads)
        {
            end.Workloads.Add(new Proto.Workload { Name = workload.Name, Kind = workload.Kind });
        }

        return end;
    }

    /// <summary>The service of a frontend, or null.</summary>
    public static Proto.Service? Service(HubbleSnapshot snapshot, IpAddr address, ushort port) =>
        snapshot.ServiceOf(address, port) is { } service ? new Proto.Service { Name = service.Name, Namespace = service.Namespace } : null;
}
