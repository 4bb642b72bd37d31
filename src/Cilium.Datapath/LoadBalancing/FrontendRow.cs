using Cilium.Core;

namespace Cilium.Datapath.LoadBalancing;

/// <summary>An address, port and protocol, as frontends and backends are known by.</summary>
/// <param name="Address">The address.</param>
/// <param name="Port">The port in host order.</param>
/// <param name="Protocol">TCP, UDP or SCTP.</param>
public readonly record struct L4Address(IpAddr Address, ushort Port, L4Protocol Protocol) : IComparable<L4Address>
{
    /// <inheritdoc/>
    public int CompareTo(L4Address other)
    {
        var order = Address.CompareTo(other.Address);
        order = order != 0 ? order : Port.CompareTo(other.Port);
        return order != 0 ? order : ((byte)Protocol).CompareTo((byte)other.Protocol);
    }

    /// <summary><c>address:port/PROTO</c>, IPv6 in brackets.</summary>
    public override string ToString() =>
        Address.IsIPv4 ? $"{Address}:{Port}/{Protocol.ToString().ToUpperInvariant()}" : $"[{Address}]:{Port}/{Protocol.ToString().ToUpperInvariant()}";

    /// <summary>Order by address, port, protocol.</summary>
    public static bool operator <(L4Address left, L4Address right) => left.CompareTo(right) < 0;

    /// <summary>Order by address, port, protocol.</summary>
    public static bool operator >(L4Address left, L4Address right) => left.CompareTo(right) > 0;

    /// <summary>Order by address, port, protocol.</summary>
    public static bool operator <=(L4Address left, L4Address right) => left.CompareTo(right) <= 0;

    /// <summary>Order by address, port, protocol.</summary>
    public static bool operator >=(L4Address left, L4Address right) => left.CompareTo(right) >= 0;
}

/// <summary>The state of a backend.</summary>
public enum BackendState : byte
{
    /// <summary>Takes new connections.</summary>
    Active = 0,

    /// <summary>Going away: keeps its connections, takes new ones only when no backend is active.</summary>
    Terminating = 1,
}

/// <summary>One backend of a frontend.</summary>
/// <param name="Address">Where it listens.</param>
/// <param name="State">Its state.</param>
/// <param name="IsLocal">True when it is on this node.</param>
public readonly record struct BackendRef(L4Address Address, BackendState State, bool IsLocal = false);

/// <summary>What kind of frontend it is, as upstream's tools name it.</summary>
public enum FrontendKind : byte
{
    /// <summary>The service's cluster address.</summary>
    ClusterIP = 0,

    /// <summary>A node port on the node's addresses.</summary>
    NodePort = 1,

    /// <summary>A load balancer address.</summary>
    LoadBalancer = 2,

    /// <summary>An external address.</summary>
    ExternalIPs = 3,
}

/// <summary>The desired state of one service frontend with its backends.</summary>
public sealed record FrontendRow
{
    /// <summary>The frontend.</summary>
    public required L4Address Address { get; init; }

    /// <summary>The kind.</summary>
    public FrontendKind Kind { get; init; }

    /// <summary>Namespace of the Kubernetes service.</summary>
    public required string ServiceNamespace { get; init; }

    /// <summary>Name of the Kubernetes service.</summary>
    public required string ServiceName { get; init; }

    /// <summary>Name of the service port; may be empty.</summary>
    public string PortName { get; init; } = "";

    /// <summary>True when clients outside the cluster reach the backends of this node only (<c>externalTrafficPolicy: Local</c>).</summary>
    public bool ExternalIsLocal { get; init; }

    /// <summary>How long a client keeps its backend after its last connection, whole seconds; zero when it does not.</summary>
    public TimeSpan Affinity { get; init; }

    /// <summary>The only sources outside the cluster that may use the frontend; empty for all.</summary>
    public EquatableArray<Prefix> SourceRanges { get; init; } = [];

    /// <summary>The backends, sorted by address, without duplicates; only those that traffic may reach.</summary>
    public required EquatableArray<BackendRef> Backends { get; init; }
}
