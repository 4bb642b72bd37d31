using Cilium.Datapath.Maps;

namespace Cilium.Datapath.LoadBalancing;

/// <summary>The flags of a frontend's value; numbers are upstream's.</summary>
[Flags]
[CEnum("frontend_flags", "FRONTEND_")]
public enum FrontendFlags : ushort
{
    /// <summary>A cluster address.</summary>
    None = 0,

    /// <summary>An external address.</summary>
    ExternalIP = 1 << 0,

    /// <summary>A node port.</summary>
    NodePort = 1 << 1,

    /// <summary>Clients outside the cluster reach the backends of this node only.</summary>
    ExternalLocal = 1 << 2,

    /// <summary>A client keeps its backend.</summary>
    Affinity = 1 << 4,

    /// <summary>A load balancer's address.</summary>
    LoadBalancer = 1 << 5,

    /// <summary>Traffic from outside the cluster is taken.</summary>
    Routable = 1 << 6,

    /// <summary>From outside only certain sources are taken.</summary>
    SourceRange = 1 << 7,
}
