using System.Globalization;
using System.Text;
using Cilium.Kubernetes;
using Cilium.Kubernetes.Decoding;
using Cilium.Simulation.Clusters;

namespace Cilium.Simulation.Scale;

/// <summary>
/// The objects of a cluster by chance, written as an API server would send them and read by the agent's decoders: namespaces of a hundred pods
/// with five applications each, services in front of applications, and policies of all kinds that point at them.
/// </summary>
internal sealed class ScaleObjects
{
    /// <summary>The port that every pod serves; its name is <c>http</c>.</summary>
    internal const ushort Served = 8080;

    /// <summary>Another port that every pod serves, which policies name less often.</summary>
    internal const ushort Metrics = 9090;

    /// <summary>The port of every service.</summary>
    internal const ushort Service = 80;

    private const int PodsPerNamespace = 100;
    private const int Applications = 5;
    private const int Teams = 4;
    private readonly ScaleOptions _options;
    private readonly Random _random;
    private readonly int _namespaces;

    internal ScaleObjects(ScaleOptions options)
    {
        _options = options;
        _random = new Random(options.Seed);
        _namespaces = Math.Max(2, options.Pods / PodsPerNamespace);
    }

    internal ClusterObjects Make()
    {
        var objects = new ClusterObjects();
        for (var i = 0; i < _namespaces; i++)
            objects.Namespaces.Add(Read($$$$$"""{"metadata":{"name":"ns-{{{{{i}}}}}","labels":{"team":"t{{{{{i % Teams}}}}}"}}}""", CoreDecoders.Namespace));
        for (var i = 0; i < _options.Pods; i++)
            objects.Pods.Add(Pod(i));
        for (var i = 0; i < _options.Services; i++)
            objects.Services.Add(ServiceOf(i));
        for (var i = 0; i < _options.Policies; i++)
            objects.Policies.Add(Policy(i));
        return objects;
    }

    /// <summary>A pod; any number beyond those of <see cref="Make"/> gives one more.</summary>
    internal PodRow Pod(int number)
    {
        var (ns, app) = (number % _namespaces, number / _namespaces % Applications);
        return Read(
            $$$$$"""{"metadata":{"name":"p{{{{{number}}}}}","namespace":"ns-{{{{{ns}}}}}","uid":"u{{{{{number}}}}}","labels":{"app":"a{{{{{app}}}}}","tier":"{{{{{TierOf(app)}}}}}"}},"spec":{"containers":[{"name":"c","ports":[{"name":"http","containerPort":{{{{{Served}}}}}},{"containerPort":{{{{{Metrics}}}}}}]}]}}""",
            CoreDecoders.Pod);
    }

    /// <summary>A policy; any number beyond those of <see cref="Make"/> gives one more.</summary>
    internal PolicyObjectRow Policy(int number)
    {
        var ns = $"ns-{_random.Next(_namespaces)}";
        var (about, from, other) = (App(), App(), App());
        var (kind, text) = (number % 5) switch
        {
            0 => (PolicyObjectKind.NetworkPolicy, $$$$$"""{"podSelector":{"matchLabels":{"app":"{{{{{about}}}}}"}},"ingress":[{"from":[{"podSelector":{"matchLabels":{"app":"{{{{{from}}}}}"}}}],"ports":[{"port":{{{{{Served}}}}},"protocol":"TCP"}]}]}"""),
            1 => (PolicyObjectKind.NetworkPolicy, $$$$$"""{"podSelector":{"matchLabels":{"app":"{{{{{about}}}}}"}},"policyTypes":["Ingress"],"ingress":[{"from":[{"namespaceSelector":{"matchLabels":{"team":"t{{{{{_random.Next(Teams)}}}}}"}}},{"podSelector":{"matchExpressions":[{"key":"tier","operator":"In","values":["front"]}]}}]}]}"""),
            2 => (PolicyObjectKind.CiliumNetworkPolicy, $$$$$"""{"endpointSelector":{"matchLabels":{"app":"{{{{{about}}}}}"}},"ingress":[{"fromEndpoints":[{"matchLabels":{"app":"{{{{{from}}}}}"}},{"matchLabels":{"k8s:io.kubernetes.pod.namespace":"ns-{{{{{_random.Next(_namespaces)}}}}}"}}],"toPorts":[{"ports":[{"port":"{{{{{Served}}}}}","protocol":"TCP"}]}]}],"ingressDeny":[{"fromEndpoints":[{"matchLabels":{"app":"{{{{{other}}}}}"}}]}]}"""),
            3 => (PolicyObjectKind.CiliumNetworkPolicy, $$$$$"""{"endpointSelector":{"matchLabels":{"app":"{{{{{about}}}}}"}},"egress":[{"toEndpoints":[{"matchLabels":{"app":"{{{{{from}}}}}"}},{"matchLabels":{"app":"{{{{{other}}}}}"}}],"toPorts":[{"ports":[{"port":"{{{{{Served}}}}}"}]}]}]}"""),
            _ => (PolicyObjectKind.CiliumClusterwideNetworkPolicy, $$$$$"""{"endpointSelector":{"matchLabels":{"app":"{{{{{about}}}}}","k8s:io.kubernetes.pod.namespace":"{{{{{ns}}}}}"}},"ingress":[{"fromEndpoints":[{"matchLabels":{"tier":"{{{{{TierOf(_random.Next(Applications))}}}}}"}}]}]}"""),
        };
        var metadata = kind == PolicyObjectKind.CiliumClusterwideNetworkPolicy ? $$$$$"""{"name":"policy-{{{{{number}}}}}"}""" : $$$$$"""{"name":"policy-{{{{{number}}}}}","namespace":"{{{{{ns}}}}}"}""";
        return Read($$$$$"""{"metadata":{{{{{metadata}}}}},"spec":{{{{{text}}}}}}""", PolicyObjectDecoder.For(kind));
    }

    private string App() => $"a{_random.Next(Applications)}";

    private static string TierOf(int app) => app < 2 ? "front" : "back";

    private ServiceRow ServiceOf(int number)
    {
        var (ns, app) = (number % _namespaces, number / _namespaces % Applications);
        // One in two names the port that it leads to.
        // Somebody must be there who gives load balancer addresses.
        var type = _options.HasApiServer && number % 5 == 0 ? "LoadBalancer" : "ClusterIP";
        var target = number % 2 == 0 ? "\"http\"" : Served.ToString(CultureInfo.InvariantCulture);
        return Read(
            $$$$$"""{"metadata":{"name":"s{{{{{number}}}}}","namespace":"ns-{{{{{ns}}}}}"},"spec":{"type":"{{{{{type}}}}}","selector":{"app":"a{{{{{app}}}}}"},"ports":[{"port":{{{{{Service}}}}},"targetPort":{{{{{target}}}}},"protocol":"TCP"}]}}""",
            ServiceDecoders.Service);
    }

    private static TRow Read<TRow>(string json, RowDecoder<TRow> decode)
        where TRow : class => decode(Encoding.UTF8.GetBytes(json)) ?? throw new InvalidOperationException($"not an object: {json}");
}
