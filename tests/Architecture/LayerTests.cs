using System.Xml.Linq;

namespace Cilium.Architecture;

/// <summary>Layers are project references: each room may know only the rooms named here.</summary>
public sealed class LayerTests
{
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Cilium.Core"] = [],
        ["Cilium.Bpf"] = [],
        ["Cilium.Netlink"] = [],
        ["Cilium.Api"] = [],
        ["Cilium.Ipam"] = ["Cilium.Core"],
        ["Cilium.Aws"] = ["Cilium.Core", "Cilium.Ipam"],
        ["Cilium.Policy"] = ["Cilium.Core"],
        ["Cilium.Datapath"] = ["Cilium.Core", "Cilium.Bpf", "Cilium.Netlink"],
        ["Cilium.VirtualNetwork"] = ["Cilium.Core", "Cilium.Bpf"],
        ["Cilium.Kubernetes"] = ["Cilium.Core", "Cilium.Ipam", "Cilium.Policy"],
        ["Cilium.Hubble"] = ["Cilium.Core", "Cilium.Datapath"],
        ["Cilium.ControlPlane"] = ["Cilium.Core", "Cilium.Netlink", "Cilium.Api", "Cilium.Ipam", "Cilium.Policy", "Cilium.Datapath", "Cilium.Kubernetes", "Cilium.Hubble"],
        ["Cilium.Simulation"] = ["Cilium.Core", "Cilium.Bpf", "Cilium.Netlink", "Cilium.VirtualNetwork", "Cilium.Policy", "Cilium.Datapath", "Cilium.Kubernetes", "Cilium.Hubble", "Cilium.ControlPlane"],
        ["Cilium.Lab"] = ["Cilium.Netlink"],
    };

    public static TheoryData<string> Rooms => [.. Allowed.Keys];

    [Theory]
    [MemberData(nameof(Rooms))]
    public void A_room_references_only_what_its_layer_allows(string room)
    {
        var project = Path.Combine(Repository.Root, "src", room, room + ".csproj");
        var references = References(project);
        Assert.Empty(references.Except(Allowed[room]));
    }

    [Fact]
    public void Every_library_is_a_known_room()
    {
        var projects = Directory.EnumerateDirectories(Path.Combine(Repository.Root, "src")).Select(Path.GetFileName).Where(name => name != "Cilium.Hosts");
        Assert.Equal(Allowed.Keys.Order(), projects.Order());
    }

    [Fact]
    public void No_library_references_a_host()
    {
        foreach (var project in Repository.Files("src", ".csproj").Where(file => !file.Contains("Cilium.Hosts", StringComparison.Ordinal)))
        {
            Assert.DoesNotContain(XDocument.Load(project).Descendants("ProjectReference"), reference => reference.Attribute("Include")!.Value.Contains("Cilium.Hosts", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Only_the_two_rooms_at_the_kernel_may_use_unsafe_code()
    {
        var unsafeProjects = Repository.Files("src", ".csproj")
            .Where(file => XDocument.Load(file).Descendants("AllowUnsafeBlocks").Any(element => element.Value == "true"))
            .Select(Path.GetFileNameWithoutExtension);
        Assert.Equal(["Cilium.Bpf", "Cilium.Netlink"], unsafeProjects.Order());
    }

    [Fact]
    public void Nothing_below_Kubernetes_knows_its_client_library()
    {
        var users = Repository.Files("src", ".csproj")
            .Where(file => XDocument.Load(file).Descendants("PackageReference").Any(reference => reference.Attribute("Include")!.Value.StartsWith("KubernetesClient", StringComparison.Ordinal)))
            .Select(Path.GetFileNameWithoutExtension);
        Assert.Equal(["Cilium.Kubernetes"], users);
    }

    [Fact]
    public void Only_the_operator_knows_the_room_with_the_AWS_SDK()
    {
        var users = Repository.Files("src", ".csproj")
            .Where(file => XDocument.Load(file).Descendants("PackageReference").Any(reference => reference.Attribute("Include")!.Value.StartsWith("AWSSDK", StringComparison.Ordinal)))
            .Select(Path.GetFileNameWithoutExtension);
        Assert.Equal(["Cilium.Aws"], users);
        Assert.Equal(["Operator"], Repository.Files("src", ".csproj").Where(file => References(file).Contains("Cilium.Aws")).Select(Path.GetFileNameWithoutExtension));
    }

    private static List<string> References(string project) =>
        [.. XDocument.Load(project).Descendants("ProjectReference").Select(reference => Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value.Replace('\\', '/')))];
}
