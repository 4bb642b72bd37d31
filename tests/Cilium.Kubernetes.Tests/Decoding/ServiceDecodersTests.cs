using System.Text;
using System.Text.Json;
using Cilium.Core;
using Cilium.Kubernetes.Decoding;
using FsCheck.Xunit;

namespace Cilium.Kubernetes.Tests.Decoding;

public sealed class ServiceDecodersTests
{
    [Fact]
    public void A_slice_has_all_that_its_object_says()
    {
        var row = Slice("""
            {"metadata":{"name":"web-x1","namespace":"shop","labels":{"kubernetes.io/service-name":"web","other":"x"}},"addressType":"IPv4","unknown":[{"a":1}],
             "ports":[{"name":"http","protocol":"TCP","port":8080,"appProtocol":"h2c"},{"port":53,"protocol":"UDP"},{"name":"none"},{"port":70000},null],
             "endpoints":[
              {"addresses":["10.0.0.1","10.0.0.1","bad",null],"conditions":{"ready":false,"serving":true,"terminating":true,"more":1},"nodeName":"n1","zone":"z1",
               "targetRef":{"kind":"Pod","name":"web-1","uid":"u"},"hints":{"forNodes":[],"forZones":[{"name":"z1","x":1},{"name":null},{}]},"deprecatedTopology":{"a":"b"}},
              {"addresses":["fd00::1","10.0.0.2","10.0.0.3","10.0.0.4","10.0.0.5"],"conditions":null,"nodeName":null,"targetRef":{"kind":"Node","name":"n"},"hints":null},
              {"addresses":null,"conditions":{"ready":null}}]}
            """)!;
        Assert.Equal(("shop", "web-x1", "web"), (row.Namespace, row.Name, row.ServiceName));
        Assert.Equal([new EndpointPort("http", L4Protocol.Tcp, 8080), new EndpointPort("", L4Protocol.Udp, 53)], row.Ports);
        Assert.Equal(
            new SliceEndpoint
            {
                Addresses = [IpAddr.Parse("10.0.0.1")],
                IsReady = false,
                IsServing = true,
                IsTerminating = true,
                NodeName = "n1",
                Zone = "z1",
                PodName = "web-1",
                HintZones = ["z1"],
            },
            row.Endpoints[0]);
        Assert.Equal(5, row.Endpoints[1].Addresses.Count);
        Assert.Equal((true, true, false, "", ""), (row.Endpoints[1].IsReady, row.Endpoints[1].IsServing, row.Endpoints[1].IsTerminating, row.Endpoints[1].NodeName, row.Endpoints[1].PodName));
        Assert.Equal(new SliceEndpoint(), row.Endpoints[2]);
    }

    [Fact]
    public void A_service_has_all_that_its_object_says()
    {
        var row = Service("""
            {"metadata":{"name":"web","namespace":"shop","uid":"u","labels":{"b":"2","a":"1"}},
             "spec":{"type":"NodePort","clusterIP":"10.96.0.1","clusterIPs":["10.96.0.1","fd00::1"],"externalIPs":["1.2.3.4","x"],"ipFamilies":["IPv4","IPv6"],
              "ports":[{"name":"http","port":80,"targetPort":"web","nodePort":30080},{"port":81,"targetPort":8081,"protocol":"UDP"},{"port":82,"targetPort":0},{"port":83,"targetPort":null},{"name":"bad"}],
              "selector":{"app":"web"},"sessionAffinity":"ClientIP","externalTrafficPolicy":"Local"}}
            """)!;
        Assert.Equal(("shop", "web", "u", "NodePort"), (row.Namespace, row.Name, row.Uid, row.Type));
        Assert.Equal([IpAddr.Parse("10.96.0.1"), IpAddr.Parse("fd00::1")], row.ClusterIPs);
        Assert.Equal([IpAddr.Parse("1.2.3.4")], row.ExternalIPs);
        Assert.Equal(["IPv4", "IPv6"], row.IPFamilies);
        Assert.Equal(
            [
                new ServicePort("http", L4Protocol.Tcp, 80, "web", 30080), new ServicePort("", L4Protocol.Udp, 81, "8081", 0),
                new ServicePort("", L4Protocol.Tcp, 82, "82", 0), new ServicePort("", L4Protocol.Tcp, 83, "83", 0),
            ],
            row.Ports);
        Assert.Equal("a=1,b=2", row.Labels.ToString());
        Assert.Equal("app=web", row.Selector.ToString());
        Assert.Equal(TimeSpan.FromHours(3), row.SessionAffinity);
        Assert.True(row.ExternalTrafficIsLocal);
    }

    [Fact]
    public void Addresses_that_only_the_load_balancer_itself_serves_are_left_out()
    {
        var row = Service("""
            {"metadata":{"name":"web","namespace":"shop"},"spec":{"type":"LoadBalancer"},
             "status":{"loadBalancer":{"ingress":[{"ip":"1.2.3.4"},{"ip":"1.2.3.5","ipMode":"Proxy"},{"ip":"1.2.3.6","ipMode":"VIP"},{"hostname":"lb.example","ipMode":null}]}}}
            """)!;
        Assert.Equal([IpAddr.Parse("1.2.3.4"), IpAddr.Parse("1.2.3.6")], row.LoadBalancerIPs);
    }

    [Theory]
    [InlineData("None", true, 0)]
    [InlineData("10.96.0.9", false, 1)]
    [InlineData("", false, 0)]
    public void The_older_field_says_the_address_where_the_newer_is_missing(string clusterIP, bool isHeadless, int addresses)
    {
        var row = Service($$"""{"metadata":{"name":"web","namespace":"shop"},"spec":{"clusterIP":"{{clusterIP}}"} }""")!;
        Assert.Equal((isHeadless, addresses), (row.IsHeadless, row.ClusterIPs.Count));
    }

    [Theory]
    [InlineData(""" "endpoints": {} """, "$.endpoints", "")]
    [InlineData(""" "endpoints": [null] """, "$.endpoints", "[0]")]
    [InlineData(""" "endpoints": [7] """, "$.endpoints", "[0]")]
    [InlineData(""" "endpoints": [{"addresses":"10.0.0.1"}] """, "$.endpoints", "[0].addresses")]
    [InlineData(""" "endpoints": [{},{"addresses":["10.0.0.1",1]}] """, "$.endpoints", "[1].addresses")]
    [InlineData(""" "endpoints": [{"conditions":{"ready":"yes"}}] """, "$.endpoints", "[0].conditions.ready")]
    [InlineData(""" "endpoints": [{"nodeName":1}] """, "$.endpoints", "[0].nodeName")]
    [InlineData(""" "endpoints": [{"hints":{"forZones":["z"]}}] """, "$.endpoints", "[0].hints.forZones[0]")]
    [InlineData(""" "ports": [{"port":"80"}] """, "$.ports", "[0].port")]
    [InlineData(""" "ports": [{"port":80},{"port":1.5}] """, "$.ports", "[1].port")]
    [InlineData(""" "ports": [{"name":[]}] """, "$.ports", "[0].name")]
    public void A_member_of_another_type_makes_a_slice_unreadable_and_is_named(string member, string path, string rest)
    {
        var exception = Assert.Throws<MemberException>(() => Slice($$$"""{"metadata":{"name":"a","namespace":"b"},{{{member}}} }"""));
        Assert.Equal((path, rest), (exception.Path, exception.Member));
        Assert.StartsWith(rest, exception.Message, StringComparison.Ordinal);
    }

    [Property]
    public bool Texts_are_as_written_whoever_had_them_before(string[] names)
    {
        ArgumentNullException.ThrowIfNull(names);
        return names.Select(name => name ?? "").Concat(names.Select(name => name ?? "")).All(name =>
            Slice($$$"""{"metadata":{"name":"a","namespace":"b"},"endpoints":[{"nodeName":{{{JsonSerializer.Serialize(name)}}} } ] }""")!.Endpoints[0].NodeName == name);
    }

    [Property(MaxTest = 300)]
    public bool Random_cuts_and_changes_of_an_object_are_read_or_refused(ushort at, byte value, bool isCut)
    {
        var bytes = """{"metadata":{"name":"a","namespace":"b"},"ports":[{"port":80}],"endpoints":[{"addresses":["10.0.0.1"],"conditions":{"ready":true},"hints":{"forZones":[{"name":"z"}]}}]}"""u8.ToArray();
        var place = at % bytes.Length;
        if (isCut)
        {
            bytes = bytes[..place];
        }
        else
        {
            bytes[place] = value;
        }

        try
        {
            ServiceDecoders.EndpointSlice(bytes);
        }
        catch (JsonException)
        {
            // That is how it refuses.
            return true;
        }

        return !isCut;
    }

    private static EndpointSliceRow? Slice(string text) => ServiceDecoders.EndpointSlice(Encoding.UTF8.GetBytes(text));

    private static ServiceRow? Service(string text) => ServiceDecoders.Service(Encoding.UTF8.GetBytes(text));
}
