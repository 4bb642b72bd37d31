using Cilium.Simulation.Manifests;

namespace Cilium.Hosts.Cli.Policies;

/// <summary>Finds and reads manifests.</summary>
internal static class ManifestFiles
{
    private static readonly string[] s_endings = [".yaml", ".yml", ".json"];

    /// <summary>Reads files, and those of folders and of the folders in them.</summary>
    /// <exception cref="ManifestException">A path is not there, or a file cannot be read.</exception>
    public static void ReadInto(ManifestReader reader, IEnumerable<string> paths)
    {
        foreach (var path in paths)
        {
            if (File.Exists(path))
            {
                reader.Read(path, File.ReadAllText(path));
            }
            else if (Directory.Exists(path))
            {
                var files = Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories)
                    .Where(file => s_endings.Contains(Path.GetExtension(file).ToLowerInvariant())).Order(StringComparer.Ordinal);
                foreach (var file in files)
                {
                    reader.Read(file, File.ReadAllText(file));
                }
            }
            else
            {
                throw new ManifestException(path, 0, "", "there is no such file or folder");
            }
        }
    }
}
