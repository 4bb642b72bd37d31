using Cilium.Hubble.Filters;
using Google.Protobuf.Collections;

namespace Cilium.Hubble.Client;

/// <summary>The filter options of a command line, taken in their order, as white and black lists of a request.</summary>
/// <remarks>Different options are joined by AND, repeated ones by OR; <c>--not</c> moves the next option to the black list.</remarks>
public sealed class FlowFilterArguments
{
    private static readonly string[][] Conflicts =
    [
        ["ip", "fqdn", "pod", "from-ip", "from-fqdn", "from-pod"],
        ["ip", "fqdn", "pod", "to-ip", "to-fqdn", "to-pod"],
        ["ip", "fqdn", "namespace", "all-namespaces", "from-ip", "from-fqdn", "from-namespace", "from-all-namespaces"],
        ["ip", "fqdn", "namespace", "all-namespaces", "to-ip", "to-fqdn", "to-namespace", "to-all-namespaces"],
        ["namespace", "all-namespaces", "from-pod"], ["namespace", "all-namespaces", "to-pod"],
        ["namespace", "all-namespaces", "from-service"], ["namespace", "all-namespaces", "to-service"],
        ["label", "from-label"], ["label", "to-label"], ["service", "from-service"], ["service", "to-service"], ["port", "from-port"],
        ["port", "to-port"], ["identity", "from-identity"], ["identity", "to-identity"], ["workload", "from-workload"],
        ["workload", "to-workload"], ["cluster", "from-cluster"], ["cluster", "to-cluster"], ["encrypted", "unencrypted"], ["ipv4", "ipv6"],
    ];

    private readonly FilterPair _allow = new();
    private readonly FilterPair _deny = new();
    private bool _isNot;

    /// <summary>The next filter option is one that flows must not match.</summary>
    /// <exception cref="FlowFilterException">There was a <c>--not</c> just before.</exception>
    public void Not()
    {
        if (_isNot)
        {
            throw new FlowFilterException("--not", "twice without a filter between");
        }

        _isNot = true;
    }

    /// <summary>Takes one option.</summary>
    /// <param name="name">Its name without dashes, for example <c>from-pod</c>.</param>
    /// <param name="value">Its value; ignored for options without one.</param>
    /// <exception cref="FlowFilterException">The value is wrong, or the option contradicts an earlier one.</exception>
    public void Add(string name, string value)
    {
        var pair = _isNot ? _deny : _allow;
        _isNot = false;
        pair.Names.Add(name);
        foreach (var group in Conflicts)
        {
            if (Array.IndexOf(group, name) >= 0 && Array.Find(group, other => other != name && pair.Names.Contains(other)) is { } other)
            {
                throw new FlowFilterException($"--{name}", $"cannot be combined with --{other}");
            }
        }

        FlowFilterOptions.Apply(pair, name, value);
    }

    /// <summary>Writes the lists into a request.</summary>
    /// <exception cref="FlowFilterException">A <c>--not</c> came last, or names contradict their namespaces.</exception>
    public void WriteTo(Proto.GetFlowsRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (_isNot)
        {
            throw new FlowFilterException("--not", "trailing --not found in the arguments");
        }

        request.Whitelist.AddRange(_allow.Filters());
        request.Blacklist.AddRange(_deny.Filters());
    }

    /// <summary>Two filters of which one must match: options without a direction fill the source of one and the destination of the other.</summary>
    internal sealed class FilterPair
    {
        public HashSet<string> Names { get; } = new(StringComparer.Ordinal);

        public Proto.FlowFilter Left { get; } = new();

        public Proto.FlowFilter Right { get; } = new();

        public List<string> Namespaces { get; } = [];

        public List<string> SourceNamespaces { get; } = [];

        public List<string> DestinationNamespaces { get; } = [];

        public void Both(Action<Proto.FlowFilter> change)
        {
            change(Left);
            change(Right);
        }

        public IEnumerable<Proto.FlowFilter> Filters()
        {
            if (Names.Count == 0)
            {
                return [];
            }

            Both(filter =>
            {
                Check(filter.SourcePod, filter.SourceService, [Namespaces, SourceNamespaces]);
                Check(filter.DestinationPod, filter.DestinationService, [Namespaces, DestinationNamespaces]);
            });
            Both(filter => Qualify(filter.DestinationPod, filter.DestinationService, DestinationNamespaces));
            Both(filter => Qualify(filter.SourcePod, filter.SourceService, SourceNamespaces));
            Qualify(Left.SourcePod, Left.SourceService, Namespaces);
            Qualify(Right.DestinationPod, Right.DestinationService, Namespaces);
            return Left.Equals(Right) ? [Left] : [Left, Right];
        }

        // A name with a namespace beside another one contradicts itself. As upstream's client, before names are qualified: also beside all namespaces, and for
        // a service without a namespace beside a pod with one.
        private static void Check(RepeatedField<string> pods, RepeatedField<string> services, List<string>[] namespaces)
        {
            foreach (var name in pods.Concat(services))
            {
                if (NamespaceOf(name) is { } own && namespaces.Any(list => list.Exists(space => space != own)))
                {
                    throw new FlowFilterException("--namespace", $"another one than that of '{name}'");
                }
            }

            if (services.FirstOrDefault(service => pods.Any(pod => NamespaceOf(pod) is { } own && own != NamespaceOf(service))) is { } elsewhere)
            {
                throw new FlowFilterException("--service", $"'{elsewhere}' is in another namespace than the pod beside it");
            }
        }

        private static string? NamespaceOf(string name)
        {
            var slash = name.IndexOf('/', StringComparison.Ordinal);
            return slash > 0 ? name[..slash] : null;
        }

        private static void Qualify(RepeatedField<string> pods, RepeatedField<string> services, List<string> namespaces)
        {
            if (namespaces.Count == 0)
            {
                return;
            }

            if (pods.Count == 0 && services.Count == 0)
            {
                pods.Add("");
            }

            foreach (var names in (RepeatedField<string>[])[pods, services])
            {
                var qualified = names.SelectMany(name =>
                    name.Contains('/', StringComparison.Ordinal) ? [name] : namespaces.Select(space => $"{space}/{name}")).ToArray();
                names.Clear();
                names.AddRange(qualified);
            }
        }
    }
}
