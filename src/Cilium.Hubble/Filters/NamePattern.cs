using System.Text;
using System.Text.RegularExpressions;
using Google.Protobuf.Collections;

namespace Cilium.Hubble.Filters;

/// <summary>Conditions on names: pods and services by namespace and prefix, workloads, clusters, nodes and DNS names by pattern.</summary>
internal static class NamePattern
{
    /// <summary><c>[namespace/]prefix</c>: without a slash the namespace is <c>default</c>, before an empty one every namespace.</summary>
    public static Func<Proto.Flow, bool> Pod(string value, Func<Proto.Flow, Proto.Endpoint?> end)
    {
        var (space, prefix) = Split(value);
        return flow => end(flow) is { PodName.Length: > 0 } pod && Matches(space, prefix, pod.Namespace, pod.PodName);
    }

    /// <summary>As <see cref="Pod"/>, for services.</summary>
    public static Func<Proto.Flow, bool> Service(string value, Func<Proto.Flow, Proto.Service?> of)
    {
        var (space, prefix) = Split(value);
        return flow => of(flow) is { Name.Length: > 0 } service && Matches(space, prefix, service.Namespace, service.Name);
    }

    /// <summary>A workload's name, kind or both.</summary>
    public static Func<Proto.Flow, bool> Workload(Proto.Workload value, Func<Proto.Flow, Proto.Endpoint?> end) => flow =>
        end(flow)?.Workloads.Any(workload =>
            (value.Name.Length == 0 || workload.Name == value.Name) && (value.Kind.Length == 0 || workload.Kind == value.Kind)) == true;

    /// <summary>A DNS name with <c>*</c>, without regard to case and to the final dot.</summary>
    public static Func<Proto.Flow, bool> Fqdn(string value, Func<Proto.Flow, RepeatedField<string>> names)
    {
        var regex = Wildcard(value.ToLowerInvariant().TrimEnd('.'), "[-a-z0-9_.]*");
        return flow => names(flow).Any(name => regex.IsMatch(name.ToLowerInvariant().TrimEnd('.')));
    }

    /// <summary>A cluster name with <c>*</c>.</summary>
    public static Func<Proto.Flow, bool> Cluster(string value, Func<Proto.Flow, Proto.Endpoint?> end)
    {
        var regex = Wildcard(value, ".*");
        return flow => end(flow) is { ClusterName.Length: > 0 } found && regex.IsMatch(found.ClusterName);
    }

    /// <summary>A node pattern: <c>[cluster/]node</c> with <c>*</c>; without a cluster the cluster is <c>default</c>, with an empty node every node.</summary>
    public static Func<Proto.Flow, bool> Node(string value)
    {
        var slash = value.IndexOf('/', StringComparison.Ordinal);
        var cluster = Wildcard(slash < 0 ? "default" : value[..slash], "[^/]*");
        var nodePattern = slash < 0 ? value : value[(slash + 1)..];
        var node = Wildcard(nodePattern.Length == 0 ? "*" : nodePattern, "[^/]*");
        return flow =>
        {
            var name = flow.NodeName;
            var at = name.IndexOf('/', StringComparison.Ordinal);
            return at < 0 ? node.IsMatch(name) : cluster.IsMatch(name[..at]) && node.IsMatch(name[(at + 1)..]);
        };
    }

    private static (string Namespace, string Prefix) Split(string value)
    {
        var slash = value.IndexOf('/', StringComparison.Ordinal);
        return slash < 0 ? ("default", value) : (value[..slash], value[(slash + 1)..]);
    }

    private static bool Matches(string wantedNamespace, string prefix, string actualNamespace, string name) =>
        (wantedNamespace.Length == 0 || wantedNamespace == actualNamespace) && name.StartsWith(prefix, StringComparison.Ordinal);

    private static Regex Wildcard(string pattern, string star)
    {
        var expression = new StringBuilder("^");
        foreach (var c in pattern)
        {
            expression.Append(c == '*' ? star : Regex.Escape(c.ToString()));
        }

        return new Regex(expression.Append('$').ToString(), RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
    }
}
