using System.Collections.Frozen;
using Cilium.Ipam;

namespace Cilium.Aws;

/// <summary>What instances of common types hold, for when EC2 is not to be asked or does not answer.</summary>
/// <remarks>Source: "Maximum IP addresses per network interface" in the EC2 user guide.</remarks>
internal static class InstanceTypeLimits
{
    // Families whose sizes are all alike, on Nitro.
    private static readonly FrozenSet<string> s_regular = new[]
    {
        "c5", "c5a", "c5d", "c6a", "c6g", "c6gd", "c6i", "c6id", "c7a", "c7g", "c7i", "m5", "m5a", "m5ad", "m5d", "m6a", "m6g", "m6gd", "m6i", "m6id",
        "m7a", "m7g", "m7i", "r5", "r5a", "r5ad", "r5b", "r5d", "r6a", "r6g", "r6gd", "r6i", "r6id", "r7a", "r7g", "r7i",
    }.ToFrozenSet();

    private static readonly FrozenDictionary<string, (int Interfaces, int Addresses)> s_sizes = new Dictionary<string, (int, int)>
    {
        ["medium"] = (2, 4),
        ["large"] = (3, 10),
        ["xlarge"] = (4, 15),
        ["2xlarge"] = (4, 15),
        ["4xlarge"] = (8, 30),
        ["8xlarge"] = (8, 30),
        ["9xlarge"] = (8, 30),
        ["12xlarge"] = (8, 30),
        ["16xlarge"] = (15, 50),
        ["18xlarge"] = (15, 50),
        ["24xlarge"] = (15, 50),
        ["32xlarge"] = (15, 50),
    }.ToFrozenDictionary();

    private static readonly FrozenDictionary<string, InstanceLimits> s_single = new Dictionary<string, InstanceLimits>
    {
        ["t2.micro"] = new(2, 2, HasPrefixes: false),
        ["t2.small"] = new(3, 4, HasPrefixes: false),
        ["t2.medium"] = new(3, 6, HasPrefixes: false),
        ["t2.large"] = new(3, 12, HasPrefixes: false),
        ["t2.xlarge"] = new(3, 15, HasPrefixes: false),
        ["t2.2xlarge"] = new(3, 15, HasPrefixes: false),
        ["t3.nano"] = new(2, 2, HasPrefixes: true),
        ["t3.micro"] = new(2, 2, HasPrefixes: true),
        ["t3.small"] = new(3, 4, HasPrefixes: true),
        ["t3.medium"] = new(3, 6, HasPrefixes: true),
        ["t3.large"] = new(3, 12, HasPrefixes: true),
        ["t3.xlarge"] = new(4, 15, HasPrefixes: true),
        ["t3.2xlarge"] = new(4, 15, HasPrefixes: true),
    }.ToFrozenDictionary();

    /// <summary>Finds a type; null when it is not in the list.</summary>
    public static InstanceLimits? Find(string type)
    {
        if (s_single.TryGetValue(type, out var single))
        {
            return single;
        }

        var dot = type.IndexOf('.', StringComparison.Ordinal);
        return dot > 0 && s_regular.Contains(type[..dot]) && s_sizes.TryGetValue(type[(dot + 1)..], out var size)
            ? new InstanceLimits(size.Interfaces, size.Addresses, HasPrefixes: true)
            : null;
    }
}
