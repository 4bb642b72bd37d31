using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;

namespace Cilium.Api;

/// <summary>Endpoint deletions that came while the agent was away or silent: files that the agent carries out when it starts, and now and then.</summary>
/// <remarks>
/// One file per sandbox, named by its content, so that a repeated deletion is queued once. Nobody waits for anybody, for a node may lose all its pods
/// while its agent starts: the plugin enqueues and then asks the agent once more, the agent begins to accept requests and then reads once more. Whichever
/// comes first, one of the two sees the other. Upstream has a lock instead (plugins/cilium-cni/lib/deletion_queue.go).
/// </remarks>
public sealed class DeletionQueue
{
    /// <summary>Files beyond which a deletion fails, so that the runtime tries again; plugins that enqueue at the same moment may exceed it.</summary>
    public const int MaximumEntries = 256;

    private const string Suffix = ".delete";
    private readonly string _directory;

    /// <summary>Makes a queue in a folder, which need not exist.</summary>
    public DeletionQueue(string directory)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        _directory = directory;
    }

    /// <summary>The folder's usual name below the agent's state directory.</summary>
    public static string DirectoryBelow(string stateDirectory) => Path.Combine(stateDirectory, "deleteQueue");

    /// <summary>Adds a deletion. Then ask the agent once more, and <see cref="Remove"/> the file if it has done it: it may have read the queue before.</summary>
    /// <returns>The file.</returns>
    /// <exception cref="InvalidOperationException">The queue is full.</exception>
    public string Enqueue(EndpointBatchDeleteRequest request)
    {
        Directory.CreateDirectory(_directory);
        var content = JsonSerializer.SerializeToUtf8Bytes(request, ApiJson.Default.EndpointBatchDeleteRequest);
        var path = Path.Combine(_directory, Convert.ToHexStringLower(SHA256.HashData(content)) + Suffix);
        if (!File.Exists(path) && Directory.GetFiles(_directory, "*" + Suffix).Length >= MaximumEntries)
        {
            throw new InvalidOperationException($"the deletion queue {_directory} is full ({MaximumEntries} entries)");
        }

        // A reader finds the whole file or none, and two plugins of one sandbox do not write the same.
        var aside = string.Create(CultureInfo.InvariantCulture, $"{path}.{Environment.ProcessId}.{Environment.CurrentManagedThreadId}.tmp");
        File.WriteAllBytes(aside, content);
        File.Move(aside, path, overwrite: true);
        return path;
    }

    /// <summary>The queued deletions with their files; files that cannot be read come with a null request.</summary>
    public IReadOnlyList<(string Path, EndpointBatchDeleteRequest? Request)> Read()
    {
        var entries = new List<(string, EndpointBatchDeleteRequest?)>();
        if (!Directory.Exists(_directory))
        {
            return entries;
        }

        foreach (var path in Directory.GetFiles(_directory, "*" + Suffix))
        {
            try
            {
                entries.Add((path, JsonSerializer.Deserialize(File.ReadAllBytes(path), ApiJson.Default.EndpointBatchDeleteRequest)));
            }
            catch (FileNotFoundException)
            {
                // A plugin found the agent answering after all, and took its deletion back.
            }
            catch (JsonException)
            {
                entries.Add((path, null));
            }
        }

        return entries;
    }

    /// <summary>Forgets a deletion that was carried out; without effect when it is gone.</summary>
    public static void Remove(string path) => File.Delete(path);
}
