using YamlDotNet.RepresentationModel;

namespace Cilium.ControlPlane.Tests.Deployment;

/// <summary>The manifests of <c>deploy/</c> as they are in the checkout.</summary>
internal static class DeployedFiles
{
    public static string Folder { get; } = Find();

    /// <summary>The objects of a file.</summary>
    public static IEnumerable<YamlMappingNode> Objects(string file)
    {
        var stream = new YamlStream();
        using var text = File.OpenText(Path.Combine(Folder, file));
        stream.Load(text);
        return stream.Documents.Select(document => (YamlMappingNode)document.RootNode);
    }

    /// <summary>The keys of <c>cilium-config</c>.</summary>
    public static IReadOnlyDictionary<string, string> Configuration() =>
        ((YamlMappingNode)Objects("cilium-config.yaml").Single()["data"]).ToDictionary(pair => pair.Key.ToString(), pair => pair.Value.ToString());

    private static string Find()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Cilium.sln")))
        {
            folder = folder.Parent;
        }

        return Path.Combine(folder?.FullName ?? throw new DirectoryNotFoundException("Cilium.sln was not found above the test's folder"), "deploy");
    }
}
