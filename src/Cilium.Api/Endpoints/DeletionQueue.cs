using System.Security.Cryptography;
using System.Text.Json;

namespace Cilium.Api;

/// <summary>Endpoint deletions that came while the agent was away: files that the agent carries out when it starts.</summary>
/// <remarks>
/// One file per sandbox, named by its content, so that a repeated deletion is queued once. A lock file orders the plugin's write and the agent's
/// replay: whoever enqueues holds it and has seen the agent silent while holding it. Upstream path: plugins/cilium-cni/lib/deletion_queue.go.
/// </remarks>
public sealed class DeletionQueue
{
    /// <summary>Most files; beyond, the deletion fails and the runtime tries again.</summary>
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

    /// <summary>Waits for the queue's lock; nobody else enqueues or replays until it is disposed.</summary>
    /// <exception cref="TimeoutException">Another process held it for the whole time.</exception>
    public async Task<IDisposable> LockAsync(TimeSpan patience, TimeProvider time, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(time);
        Directory.CreateDirectory(_directory);
        var start = time.GetTimestamp();
        while (true)
        {
            try
            {
                return new FileStream(Path.Combine(_directory, "lockfile"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (time.GetElapsedTime(start) < patience)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(5), time, cancellationToken).ConfigureAwait(false);
            }
            catch (IOException exception)
            {
                throw new TimeoutException($"the deletion queue {_directory} stayed locked for {patience.TotalSeconds} s", exception);
            }
        }
    }

    /// <summary>Adds a deletion. Hold the lock.</summary>
    /// <exception cref="InvalidOperationException">The queue is full.</exception>
    public void Enqueue(EndpointBatchDeleteRequest request)
    {
        var content = JsonSerializer.SerializeToUtf8Bytes(request, ApiJson.Default.EndpointBatchDeleteRequest);
        var path = Path.Combine(_directory, Convert.ToHexStringLower(SHA256.HashData(content)) + Suffix);
        if (!File.Exists(path) && Directory.GetFiles(_directory, "*" + Suffix).Length >= MaximumEntries)
        {
            throw new InvalidOperationException($"the deletion queue {_directory} is full ({MaximumEntries} entries)");
        }

        var aside = path + ".tmp";
        File.WriteAllBytes(aside, content);
        File.Move(aside, path, overwrite: true);
    }

    /// <summary>The queued deletions with their files; files that cannot be read come with a null request. Hold the lock.</summary>
    public IReadOnlyList<(string Path, EndpointBatchDeleteRequest? Request)> Read()
    {
        var entries = new List<(string, EndpointBatchDeleteRequest?)>();
        foreach (var path in Directory.GetFiles(_directory, "*" + Suffix))
        {
            try
            {
                entries.Add((path, JsonSerializer.Deserialize(File.ReadAllBytes(path), ApiJson.Default.EndpointBatchDeleteRequest)));
            }
            catch (JsonException)
            {
                entries.Add((path, null));
            }
        }

        return entries;
    }

    /// <summary>Forgets a deletion that was carried out. Hold the lock.</summary>
    public static void Remove(string path) => File.Delete(path);
}
