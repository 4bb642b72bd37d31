using Cilium.Core;

namespace Cilium.Policy;

/// <summary>The object a rule came from.</summary>
/// <param name="Kind">Its kind: <c>CiliumNetworkPolicy</c>, <c>CiliumClusterwideNetworkPolicy</c> or <c>NetworkPolicy</c>.</param>
/// <param name="Namespace">Its namespace; empty for a cluster-wide object.</param>
/// <param name="Name">Its name.</param>
/// <param name="Uid">Its uid; may be empty.</param>
public sealed record PolicyOrigin(string Kind, string Namespace, string Name, string Uid = "") : IComparable<PolicyOrigin>
{
    /// <summary>The origin of the entry that lets the local node reach its endpoints.</summary>
    public static PolicyOrigin AllowLocalhostIngress { get; } = new("", "", "allow-localhost-ingress");

    /// <summary>The origin of the entry that allows all ingress, where only rules without default deny apply.</summary>
    public static PolicyOrigin AllowAnyIngress { get; } = new("", "", "allow-any-ingress");

    /// <summary>The origin of the entry that allows all egress, where only rules without default deny apply.</summary>
    public static PolicyOrigin AllowAnyEgress { get; } = new("", "", "allow-any-egress");

    /// <summary>The labels that policies and flows show: <c>k8s:io.cilium.k8s.policy.name=...</c> and so on.</summary>
    public LabelSet ToLabels()
    {
        const string prefix = "io.cilium.k8s.policy.";
        if (Kind.Length == 0)
        {
            return LabelSet.Create([new Label(Label.SourceReserved, "io.cilium.policy.derived-from", Name)]);
        }

        var labels = new List<Label>
        {
            new(Label.SourceK8s, prefix + "derived-from", Kind),
            new(Label.SourceK8s, prefix + "name", Name),
        };
        if (Namespace.Length > 0)
        {
            labels.Add(new Label(Label.SourceK8s, prefix + "namespace", Namespace));
        }

        if (Uid.Length > 0)
        {
            labels.Add(new Label(Label.SourceK8s, prefix + "uid", Uid));
        }

        return LabelSet.Create(labels);
    }

    /// <summary>Order by kind, namespace, name, uid.</summary>
    public int CompareTo(PolicyOrigin? other)
    {
        if (other is null)
        {
            return 1;
        }

        var order = string.CompareOrdinal(Kind, other.Kind);
        order = order != 0 ? order : string.CompareOrdinal(Namespace, other.Namespace);
        order = order != 0 ? order : string.CompareOrdinal(Name, other.Name);
        return order != 0 ? order : string.CompareOrdinal(Uid, other.Uid);
    }

    /// <summary><c>Kind namespace/name</c>.</summary>
    public override string ToString() => $"{Kind} {(Namespace.Length == 0 ? "" : Namespace + "/")}{Name}".TrimStart();

    /// <summary>Order by kind, namespace, name, uid.</summary>
    public static bool operator <(PolicyOrigin left, PolicyOrigin right) => left.CompareTo(right) < 0;

    /// <summary>Order by kind, namespace, name, uid.</summary>
    public static bool operator >(PolicyOrigin left, PolicyOrigin right) => left.CompareTo(right) > 0;

    /// <summary>Order by kind, namespace, name, uid.</summary>
    public static bool operator <=(PolicyOrigin left, PolicyOrigin right) => left.CompareTo(right) <= 0;

    /// <summary>Order by kind, namespace, name, uid.</summary>
    public static bool operator >=(PolicyOrigin left, PolicyOrigin right) => left.CompareTo(right) >= 0;
}
