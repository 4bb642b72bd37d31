using System.Text;
using System.Text.Json;
using Cilium.Kubernetes.Policies;
using Cilium.Policy;
using FsCheck;
using FsCheck.Xunit;

namespace Cilium.Kubernetes.Tests.Policies;

public sealed class DecoderRobustnessProperties
{
    private static readonly PolicyDecoder s_decoder = new(LabelFilter.Default);

    private static readonly string[] s_names =
    [
        "metadata", "name", "namespace", "annotations", "spec", "specs", "endpointSelector", "nodeSelector", "matchLabels", "matchExpressions", "key",
        "operator", "values", "ingress", "ingressDeny", "egress", "egressDeny", "fromEndpoints", "toEndpoints", "fromCIDR", "toCIDRSet", "cidr",
        "except", "fromEntities", "toPorts", "ports", "port", "endPort", "protocol", "icmps", "fields", "family", "type", "rules", "http", "labels",
        "enableDefaultDeny", "podSelector", "policyTypes", "from", "to", "ipBlock", "namespaceSelector", "authentication", "mode", "description", "log",
    ];

    private static readonly string[] s_scalars =
    [
        "null", "true", "0", "-1", "80", "1e99", "3.5", "\"\"", "\"80\"", "\"http\"", "\"In\"", "\"Exists\"", "\"10.0.0.0/8\"", "\"10.1.0.0/16\"", "\"::/0\"", "\"::/64\"",
        "\"::fffe:0:1/128\"", "\"::fffe:0:0/96\"", "\"all\"",
        "\"Egress\"", "\"k8s:app\"", "\":\"", "\"\\ud800\"", "\"TCP\"", "\"IPv6\"", "\"EchoRequest\"", "\"required\"", "99999999999999999999",
    ];

    [Property(MaxTest = 2000)]
    public void Any_object_gives_rules_or_errors_and_never_throws(DoNotSize<int> any)
    {
        var random = new Random(any.Item);
        var text = new StringBuilder();
        WriteObject(random, text, 0);
        var element = JsonDocument.Parse(text.ToString()).RootElement;
        foreach (var policy in new[]
        {
            s_decoder.DecodeCiliumNetworkPolicy(element), s_decoder.DecodeCiliumClusterwideNetworkPolicy(element), s_decoder.DecodeNetworkPolicy(element),
        })
        {
            Assert.True(policy.IsValid || policy.Rules.Count == 0);
            Assert.NotNull(policy.Message);
        }
    }

    /// <summary>Takes a good policy and changes one value anywhere: closer to what users get wrong.</summary>
    [Property(MaxTest = 2000)]
    public void A_damaged_policy_gives_rules_or_errors_and_never_throws(DoNotSize<int> any)
    {
        const string good = """
            {"metadata":{"name":"p","namespace":"n"},"spec":{"endpointSelector":{"matchLabels":{"a":"b"},"matchExpressions":[{"key":"k","operator":"In","values":["v"]}]},
            "ingress":[{"fromCIDRSet":[{"cidr":"10.0.0.0/8","except":["10.1.0.0/16"]}],"toPorts":[{"ports":[{"port":"80","endPort":90,"protocol":"TCP"}]}]}],
            "egressDeny":[{"toEntities":["world"],"icmps":[{"fields":[{"family":"IPv4","type":8}]}]}],"enableDefaultDeny":{"egress":false},"podSelector":{},
            "policyTypes":["Ingress"],"egress":[{"to":[{"ipBlock":{"cidr":"10.0.0.0/8"}}],"ports":[{"port":80}]}]}}
            """;
        var random = new Random(any.Item);
        var tokens = System.Text.RegularExpressions.Regex.Matches(good, "(?<=[:\\[,])(\"[^\"]*\"|\\d+|false)(?=[,\\]}])");
        var token = tokens[random.Next(tokens.Count)];
        var text = good[..token.Index] + s_scalars[random.Next(s_scalars.Length)] + good[(token.Index + token.Length)..];
        var element = JsonDocument.Parse(text).RootElement;
        Assert.NotNull(s_decoder.DecodeCiliumNetworkPolicy(element).Message);
        Assert.NotNull(s_decoder.DecodeCiliumClusterwideNetworkPolicy(element).Message);
        Assert.NotNull(s_decoder.DecodeNetworkPolicy(element).Message);
    }

    [Theory]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("7")]
    [InlineData("""{"spec":[]}""")]
    [InlineData("""{"metadata":7,"spec":{"endpointSelector":"x","ingress":{},"egress":"y"}}""")]
    [InlineData("""{"metadata":{"name":"\ud800"},"spec":{}}""")]
    [InlineData("""{"metadata":{"name":"a"},"spec":{"\ud800":1}}""")]
    public void Not_even_a_policy(string text)
    {
        var element = JsonDocument.Parse(text).RootElement;
        Assert.False(s_decoder.DecodeCiliumNetworkPolicy(element).IsValid);
        Assert.False(s_decoder.DecodeCiliumClusterwideNetworkPolicy(element).IsValid);
        Assert.False(s_decoder.DecodeNetworkPolicy(element).IsValid);
    }

    /// <summary>What is left of these ranges has no form of its own: IPv4 addresses stand in it.</summary>
    [Theory]
    [InlineData("::/0", "::fffe:0:1/128")]
    [InlineData("::/64", "::fffe:0:0/96")]
    public void Exceptions_beside_the_mapped_addresses_are_read(string cidr, string except)
    {
        Assert.NotEmpty(Decoding.Knp($$$"""{"podSelector":{},"egress":[{"to":[{"ipBlock":{"cidr":"{{{cidr}}}","except":["{{{except}}}"]}}]}]}""").Rule().Egress.Allow[0].Peers);
        Assert.NotEmpty(Decoding.Cnp($$$"""{"endpointSelector":{},"egress":[{"toCIDRSet":[{"cidr":"{{{cidr}}}","except":["{{{except}}}"]}]}]}""").Rule().Egress.Allow[0].Peers);
    }

    private static void WriteValue(Random random, StringBuilder text, int depth)
    {
        var kind = depth > 7 ? 0 : random.Next(3);
        if (kind == 0)
        {
            text.Append(s_scalars[random.Next(s_scalars.Length)]);
        }
        else if (kind == 1)
        {
            WriteObject(random, text, depth);
        }
        else
        {
            text.Append('[');
            for (var i = random.Next(3); i > 0; i--)
            {
                WriteValue(random, text, depth + 1);
                text.Append(i > 1 ? "," : "");
            }

            text.Append(']');
        }
    }

    private static void WriteObject(Random random, StringBuilder text, int depth)
    {
        text.Append('{');
        for (var i = random.Next(1, 5); i > 0; i--)
        {
            text.Append('"').Append(depth == 0 && i == 1 ? "spec" : s_names[random.Next(s_names.Length)]).Append("\":");
            WriteValue(random, text, depth + 1);
            text.Append(i > 1 ? "," : "");
        }

        text.Append('}');
    }
}
