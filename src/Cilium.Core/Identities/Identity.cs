namespace Cilium.Core;

/// <summary>A numeric security identity: what a set of labels is called in packets and maps. 24 bits travel in tunnel headers.</summary>
/// <param name="Value">The number; the top 8 bits are the scope.</param>
/// <remarks>Numbers of the reserved identities and the ranges are upstream's (compatibility at the edge: VNI, CLI, Hubble).</remarks>
public readonly record struct Identity(uint Value) : IComparable<Identity>
{
    /// <summary>The wildcard of policy keys, and "no identity known".</summary>
    public static Identity Unknown => new(0);

    /// <summary>The local node and its host-network pods.</summary>
    public static Identity Host => new(1);

    /// <summary>Everything outside the cluster.</summary>
    public static Identity World => new(2);

    /// <summary>Endpoints that are not managed.</summary>
    public static Identity Unmanaged => new(3);

    /// <summary>Health endpoints.</summary>
    public static Identity Health => new(4);

    /// <summary>An endpoint whose labels are not known yet.</summary>
    public static Identity Init => new(5);

    /// <summary>Other nodes, and this node in tunnel headers.</summary>
    public static Identity RemoteNode => new(6);

    /// <summary>The Kubernetes API server.</summary>
    public static Identity KubeApiServer => new(7);

    /// <summary>The ingress proxy's addresses.</summary>
    public static Identity Ingress => new(8);

    /// <summary>IPv4 outside the cluster, in dual-stack mode only.</summary>
    public static Identity WorldIPv4 => new(9);

    /// <summary>IPv6 outside the cluster, in dual-stack mode only.</summary>
    public static Identity WorldIPv6 => new(10);

    /// <summary>The smallest cluster-wide identity that is allocated.</summary>
    public const uint MinimumAllocated = 256;

    /// <summary>The largest cluster-wide identity of a cluster with id 0.</summary>
    public const uint MaximumAllocated = 65535;

    /// <summary>Scope bit of identities that are local to the node (CIDRs and names).</summary>
    public const uint LocalScope = 0x0100_0000;

    /// <summary>True for 1 to 255.</summary>
    public bool IsReserved => Value is > 0 and < MinimumAllocated;

    /// <summary>True for an identity that only this node knows.</summary>
    public bool IsLocal => (Value & 0xff00_0000) == LocalScope;

    /// <summary>The name of a reserved identity as it follows <c>reserved:</c>, or null.</summary>
    public string? ReservedName => Value switch
    {
        0 => "unknown",
        1 => "host",
        2 => "world",
        3 => "unmanaged",
        4 => "health",
        5 => "init",
        6 => "remote-node",
        7 => "kube-apiserver",
        8 => "ingress",
        9 => "world-ipv4",
        10 => "world-ipv6",
        _ => null,
    };

    /// <summary>Finds a reserved identity by its name.</summary>
    public static bool TryParseReserved(string name, out Identity identity)
    {
        for (uint value = 0; value <= 10; value++)
        {
            identity = new Identity(value);
            if (identity.ReservedName == name)
            {
                return true;
            }
        }

        identity = default;
        return false;
    }

    /// <inheritdoc/>
    public int CompareTo(Identity other) => Value.CompareTo(other.Value);

    /// <summary>The decimal number.</summary>
    public override string ToString() => Value.ToString(System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>Numeric order.</summary>
    public static bool operator <(Identity left, Identity right) => left.Value < right.Value;

    /// <summary>Numeric order.</summary>
    public static bool operator >(Identity left, Identity right) => left.Value > right.Value;

    /// <summary>Numeric order.</summary>
    public static bool operator <=(Identity left, Identity right) => left.Value <= right.Value;

    /// <summary>Numeric order.</summary>
    public static bool operator >=(Identity left, Identity right) => left.Value >= right.Value;
}
